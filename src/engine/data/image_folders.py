"""Folders of images: the files in them, and their classes by sub-folder."""

from collections.abc import Sequence
from pathlib import Path

from engine.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg")


def subfolders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without hidden ones."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def images(folder: Path) -> list[Path]:
    """Return the PNG and JPEG files in a folder, sorted."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in ENDINGS)


def labelled(folder: Path, classes: Sequence[str], complete: bool = True) -> tuple[list[Path], list[int]]:
    """Return the images in the sub-folders of classes, and the number of the class of each.

    Raises:
        DataError: If a sub-folder is no class, a class has no images and all are to be there, or none has.
    """
    unknown = sorted(set(subfolders(folder)) - set(classes))
    if unknown:
        raise DataError(f"{folder / unknown[0]} is none of the classes {', '.join(classes)}")
    found = [images(folder / name) for name in classes]
    empty = [folder / name for name, files in zip(classes, found, strict=True) if not files]
    if empty and (complete or len(empty) == len(classes)):
        raise DataError(f"{empty[0] if complete else folder} has no PNG or JPEG images")
    return [file for files in found for file in files], [n for n, files in enumerate(found) for _ in files]


def to_predict(folder: Path, classes: Sequence[str]) -> tuple[list[Path], list[int] | None]:
    """Return every image of a folder, with labels if sub-folders are classes; else those that lie in it, without.

    Raises:
        DataError: If there is none, or a sub-folder beside those of classes is no class.
    """
    files = images(folder)
    if not files or set(subfolders(folder)) & set(classes):
        return labelled(folder, classes, complete=False)
    return files, None
