"""Construction of what settings name, and what an error in a constructor means."""

from collections.abc import Callable
from typing import Any, TypeVar

from lightning.fabric.utilities.exceptions import MisconfigurationException

from engine.errors import CommandError, UsageError, is_owners, is_refusal, one_line, out_of_memory, place_of, root_cause

T = TypeVar("T")
REFUSALS = (ValueError, TypeError, RuntimeError, MisconfigurationException)


class Construction:
    """Calls constructors for the parser, and keeps the first of their errors.

    Where an argument has several types, the parser tries one after the other, whatever a constructor raises, and says
    in the end that none of them fits.
    """

    def __init__(self) -> None:
        self._failed: list[tuple[str, Exception]] = []

    def __call__(self, kind: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call a constructor."""
        try:
            return kind(*arguments, **named)
        except Exception as error:
            self._failed.append((getattr(kind, "__name__", str(kind)), error))
            raise

    def of(self, build: Callable[[], T], refused: Callable[[], str | None]) -> T:
        """Return what is built; a value that a constructor refuses is an error of usage, a bug keeps its traceback.

        Args:
            build: Builds, by way of this object where the parser does it.
            refused: Returns what is wrong with the settings, None if nothing is.
        """
        self._failed.clear()
        try:
            return build()
        except Exception as error:
            name, cause = self._failed[0] if self._failed else ("", error if is_owners(error) else root_cause(error))
            if isinstance(cause, CommandError) or out_of_memory(cause) or not is_refusal(cause):
                raise cause from None
            if not self._failed and not isinstance(error, REFUSALS):
                raise
            message = refused() or _message(name, cause)
            raise UsageError(f"{message}{place_of(cause)}") from error


def shortened(error: BaseException) -> str:
    """Return the telling line of a chain of errors: the message of the first one, or its first alternative but null."""
    error = root_cause(error)
    if out_of_memory(error):
        return f"not enough memory: {one_line(error)}"
    lines = [line.strip() for line in str(error).splitlines()]
    details = [line[2:] for line in lines if line.startswith("- ") and "NoneType" not in line]
    return details[0] if details else " ".join(filter(None, lines[:2])) or type(error).__name__


def _message(name: str, cause: BaseException) -> str:
    """Return what a constructor says, in all its lines; with its name, and the kind of error, where that says more."""
    if not name and not is_owners(cause):
        return shortened(cause)
    if isinstance(cause, REFUSALS):
        return str(cause).strip() or type(cause).__name__
    kind = "" if isinstance(cause, ImportError) else f"{type(cause).__name__}: "
    return f"{name}: {kind}{one_line(cause)}"
