"""File lock on a run, released by the system when its process ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PATIENCE = 0.1  # seconds: whoever only looks holds the lock for a moment


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold a file's lock, and yield whether that was possible: not while another process holds it.

    Raises:
        OSError: If the file cannot be made.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 5)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Return whether a process holds a file's lock; a file that cannot be opened counts as free."""
    if not path.is_file():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False
