"""Files that people bring, and the examples that ship with the project."""

from pathlib import Path

from engine.errors import DataError, nearest
from engine.project import current


def locate(path: str) -> Path:
    """Return a file or folder, relative to the current folder or, like examples/houses.csv, to this package.

    Raises:
        DataError: If it is in neither, naming the nearest file beside it.
    """
    given, shipped = _candidates(path)
    for candidate in (given, shipped):
        if candidate.exists():
            return candidate
    folder = given.parent if given.parent.is_dir() else Path()
    raise DataError(f"{path} does not exist{nearest(given.name, [other.name for other in folder.iterdir()])}")


def same(path: str, other: str) -> bool:
    """Say whether two spellings mean the same file or folder, which need not exist."""
    places = [next((place for place in _candidates(text) if place.exists()), Path(text)) for text in (path, other)]
    return places[0].resolve() == places[1].resolve()


def _candidates(path: str) -> tuple[Path, Path]:
    return Path(path).expanduser(), current().defaults.parent / "data" / path
