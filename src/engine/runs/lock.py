"""Who trains a run: a lock that the system gives back when the process ends, however it ends."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_held: set[int] = set()


@contextlib.contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Hold a file's lock, and say whether that was possible: not while another process holds it.

    Raises:
        OSError: If the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    _held.add(descriptor)
    try:
        yield _patiently(descriptor)
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def held(path: Path) -> bool:
    """Say whether a process holds a file's lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _patiently(descriptor: int) -> bool:
    for _ in range(5):  # whoever only looks holds the lock for a moment
        if _lock(descriptor):
            return True
        time.sleep(0.02)
    return False


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _let_go() -> None:
    """Close in a forked process, a loader's worker say, what would hold the lock after the run is killed."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
