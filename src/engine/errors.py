"""Errors that end a command with a message instead of a traceback, and the words of those messages."""

import difflib
import math
import signal
from collections.abc import Iterable


class CommandError(Exception):
    """Something outside the program went wrong: a full disk, a folder that cannot be written."""

    exit_code = 1


class UsageError(CommandError):
    """The command line, a config, a run or a checkpoint is not what was asked for."""

    exit_code = 2


class DataError(CommandError):
    """Data is missing or unusable."""

    exit_code = 3


class DivergedError(CommandError):
    """The loss is no longer finite."""

    exit_code = 4


class Interrupted(CommandError):
    """A signal asked the run to stop, and it stopped between two batches."""

    def __init__(self, number: int) -> None:
        """Store the shell's exit code for a signal, 128 + its number."""
        super().__init__("interrupted" if number == signal.SIGINT else "terminated")
        self.exit_code = 128 + number


def system_error(error: BaseException | None) -> OSError | None:
    """Return the error of the system, a full disk say, that another one was raised for, if there is one."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def nearest(word: str, names: Iterable[str]) -> str:
    """Return '; did you mean X?' for the name most like a misspelt word, or nothing."""
    matches = difflib.get_close_matches(word, list(names), n=1, cutoff=0.5)
    return f"; did you mean {matches[0]}?" if matches else ""


def printable(message: str) -> str:
    """Return a message in at most five lines of 500 characters, whatever a file's name or content put into it."""
    lines = [line if len(line) <= 500 else f"{line[:497]}..." for line in message.splitlines()[:5]]
    return "\n".join("".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in lines)


def reason(error: Exception) -> str:
    """Return what went wrong in a few words; PyTorch's own writer hides the system's error behind its own."""
    cause = system_error(error)
    return (cause.strerror if cause else None) or str(error).splitlines()[0]


def check_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a value outside [low, high].

    Raises:
        ValueError: Naming argument and value.
    """
    if not low <= value <= high:  # true of NaN as well
        wanted = f"at least {low}" if high == math.inf else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be {wanted}: {value}")
