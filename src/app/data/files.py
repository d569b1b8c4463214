"""Files that people bring, and the examples that ship with the project."""

from pathlib import Path

from app.errors import DataError, nearest


def locate(path: str) -> Path:
    """Return a file or folder, relative to the current folder or, like examples/houses.csv, to this package.

    Raises:
        DataError: If it is in neither, naming the nearest file beside it.
    """
    given, shipped = Path(path).expanduser(), Path(__file__).parent / path
    for candidate in (given, shipped):
        if candidate.exists():
            return candidate
    folder = given.parent if given.parent.is_dir() else Path()
    raise DataError(f"{path} does not exist{nearest(given.name, [other.name for other in folder.iterdir()])}")
