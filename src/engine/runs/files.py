"""Atomic writes: a reader sees the old file or the new one, and what is there survives a crash."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from engine.process import is_first


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that replaces another once it is complete and on the disk; an error leaves the other.

    Raises:
        OSError: If it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # not every file system can, and Windows cannot
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def clear_parts(folder: Path) -> None:
    """Remove the half-written files that killed processes have left below a folder."""
    for part in folder.rglob(".*.part"):
        part.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write JSON, with null for NaN and infinity, which JSON does not have."""
    finite = json.loads(json.dumps(value), parse_constant=lambda name: None)
    write_text(path, json.dumps(finite, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8; of several processes only the first does."""
    if is_first():
        with replacing(path) as file:
            file.write(text.encode())
