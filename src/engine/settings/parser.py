"""The settings' parser: no abbreviations, and errors of a line or two."""

from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from engine import capacity
from engine.errors import UsageError


class Parser(LightningArgumentParser):
    """Raises UsageError instead of printing the usage of three hundred options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Accept whole option names only."""
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the message.

        Raises:
            UsageError: Always.
        """
        raise UsageError(message) from ex


def shortened(error: BaseException) -> str:
    """Return the telling line of a chain of errors: what the first one said, or its first alternative but null."""
    while error.__cause__ is not None:
        error = error.__cause__
    if capacity.exceeded(error):
        return f"not enough memory: {' '.join(str(error).split())}"
    lines = [line.strip() for line in str(error).splitlines()]
    details = [line[2:] for line in lines if line.startswith("- ") and "NoneType" not in line]
    return details[0] if details else " ".join(filter(None, lines[:2])) or type(error).__name__
