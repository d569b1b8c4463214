"""Locations of data: files that people bring, and the examples that ship beside a data module."""

import codecs
from pathlib import Path

from engine.errors import DataError, nearest


def locate(path: str, beside: Path) -> Path:
    """Return a file or folder, relative to the current folder or, like examples/houses.csv, to `beside`.

    Raises:
        DataError: If it is in neither, naming the nearest file beside it.
    """
    found = _found(path, beside)
    if found is None:
        given = Path(path).expanduser()
        folder = given.parent if given.parent.is_dir() else Path()
        raise DataError(f"{path} does not exist{nearest(given.name, [other.name for other in folder.iterdir()])}")
    return found


def same(path: str, other: str, beside: Path) -> bool:
    """Return whether two spellings mean the same file or folder, which need not exist."""
    first, second = ((_found(text, beside) or Path(text)).resolve() for text in (path, other))
    return first == second


def _found(path: str, beside: Path) -> Path | None:
    return next((place for place in (Path(path).expanduser(), beside / path) if place.exists()), None)


def read_text(path: Path, encoding: str) -> str:
    """Return the text in a file.

    Raises:
        DataError: If it cannot be read, or not in this encoding.
    """
    check_encoding(encoding)
    try:
        return path.read_text(encoding=encoding)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except UnicodeError as error:
        raise undecodable(path, encoding, error) from error


def check_encoding(encoding: str) -> None:
    """Raise ValueError for an encoding that Python does not know."""
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise ValueError(f"unknown encoding {encoding}: utf-8, gb18030, cp1252, utf-16, ...") from error


def undecodable(path: Path, encoding: str, error: Exception) -> DataError:
    """Return the error for a file that is written in another encoding, and what may help."""
    return DataError(
        f"{path} cannot be read as {encoding.upper()}: {error}\n"
        "another encoding: --data.encoding gb18030 (Excel on a Chinese Windows), cp1252 (Western), utf-16, ..."
    )
