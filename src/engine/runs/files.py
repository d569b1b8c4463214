"""Atomic writes: a reader sees the old file or the new one, and what is there survives a crash."""

import contextlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

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
        _flush_folder(path.parent)


def clear_parts(folder: Path) -> None:
    """Remove the half-written files that killed processes have left below a folder."""
    for part in folder.rglob(".*.part"):
        part.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write JSON, with null for NaN and infinity, which JSON does not have."""
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8; of several processes only the first does."""
    if is_first():
        with replacing(path) as file:
            file.write(text.encode())


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
