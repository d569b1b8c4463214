"""Errors that end a command with a message instead of a traceback, and the words of those messages."""

import difflib
import math
import signal
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

from engine.project import current

ENGINE = str(Path(__file__).parent)
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("purelib", "platlib", "stdlib", "platstdlib"))


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
        super().__init__("interrupted" if number == signal.SIGINT else "terminated")
        self.exit_code = 128 + number  # as in a shell


def is_owners(error: BaseException) -> bool:
    """Return whether the project's code, or that of a file of the user, was running when an error came.

    The cause of an error begins where a library caught it: there may be no frame of the engine in its traceback.
    """
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    first = next((place for place, file in enumerate(files) if file.startswith(ENGINE)), 0)
    own = str(current().defaults.parent)
    return any(file.startswith(own) or not file.startswith((ENGINE, *LIBRARIES, "<")) for file in files[first:])


def is_refusal(error: BaseException) -> bool:
    """Return whether a `raise` statement made an error on purpose, as constructors refuse a value; else it is a bug."""
    if not is_owners(error):
        return True
    line = traceback.extract_tb(error.__traceback__)[-1].line or ""
    return isinstance(error, ValueError | TypeError) and line.lstrip().startswith("raise")


def place_of(error: BaseException) -> str:
    """Return where the owner's code raised an error, or called the library that did; "" if the engine was asked to."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((ENGINE, *LIBRARIES, "<"))]
    if not own or frames[-1].filename.startswith(ENGINE):
        return ""
    hint = "; APP_DEBUG=1 shows the traceback" if frames[-1].filename.startswith(LIBRARIES) else ""
    return f" ({own[-1].filename}, line {own[-1].lineno}{hint})"


def root_cause(error: BaseException) -> BaseException:
    """Return the first error of a chain of those that were raised from one another."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def system_error(error: BaseException | None) -> OSError | None:
    """Return the system's error, a full disk say, that another one was raised for, if there is one."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def one_line(error: BaseException) -> str:
    """Return the message of an error in one line, its class where there is none."""
    return " ".join(str(error).split()) or type(error).__name__


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory could not be allocated."""
    texts = ("can't allocate memory", "out of memory", "Storage size calculation overflowed")
    return isinstance(error, MemoryError) or any(text in str(error) for text in texts)


def nearest(word: str, names: Iterable[str]) -> str:
    """Return '; did you mean X?' for the name most like a misspelt word, or nothing.

    A name that contains the word counts as most like it, the shortest first: epochs, max_epochs.
    """
    candidates = list(names)
    whole = [name for name in candidates if word and word in name.split(".")[-1].split("_")]
    whole.sort(key=lambda name: (len(name), name))
    matches = whole or difflib.get_close_matches(word, candidates, n=1, cutoff=0.5)
    return f"; did you mean {matches[0]}?" if matches else ""


def printable(message: str) -> str:
    """Return a message in at most 20 lines of 500 characters, whatever a file's name or content put into it."""
    lines = [line if len(line) <= 500 else f"{line[:497]}..." for line in message.splitlines()[:20]]
    return "\n".join("".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in lines)


def check_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a value outside [low, high].

    Raises:
        ValueError: Naming argument and value.
    """
    if not low <= value <= high:  # true of NaN as well
        wanted = f"at least {low}" if high == math.inf else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be {wanted}: {value}")
