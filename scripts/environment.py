"""Makes the project's virtual environment, once, with nothing but Python's own library."""

import contextlib
import hashlib
import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".venv"
PYTHON = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(module: str, arguments: Sequence[str], extra: str = "") -> int:
    """Run a module in the environment, which is made or brought up to date first; return its exit code.

    Args:
        module: Name of the module, as after `python -m`.
        arguments: Its arguments.
        extra: Optional dependencies of pyproject.toml that it needs.
    """
    if sys.version_info < (3, 11):  # noqa: UP036  # the first thing that a user with an older Python should read
        return _fail(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}", 2)
    try:
        ensure(extra)
    except KeyboardInterrupt:
        return _fail("set-up interrupted; the next call goes on", 130)
    except (OSError, subprocess.CalledProcessError) as error:
        return _fail(f"set-up failed ({error}); the next call goes on where it stopped", 1)
    command = [str(PYTHON), "-m", module, *arguments]
    if os.name != "nt":
        sys.stdout.flush()
        os.execv(PYTHON, command)  # signals and exit code are the command's own
    with subprocess.Popen(command) as child:  # Windows has no exec: wait, and leave Ctrl-C to the child
        return _wait(child)


def ensure(extra: str = "") -> None:
    """Install the pinned dependencies and the project, unless that is done."""
    if _done(extra):
        return
    with _alone():
        if _done(extra):  # another call was faster
            return
        sys.stderr.write(f"setting up {FOLDER}: the first time takes minutes and 6 GB\n")
        if not _has_pip():
            venv.create(FOLDER, clear=True, with_pip=True)
        target = f"{PROJECT}[{extra}]" if extra else str(PROJECT)
        constraints = ["--constraint", str(PROJECT / "constraints.txt")]
        pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
        subprocess.run([*pip, *constraints, "--editable", target], check=True, stdout=sys.stderr)
        _stamp(extra).write_text(_fingerprint(), encoding="utf-8")


def _has_pip() -> bool:
    """Ask pip rather than look for the folder: an interrupted creation leaves a Python without it."""
    command = [str(PYTHON), "-m", "pip", "--version"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _done(extra: str) -> bool:
    stamps = [_stamp(extra), *([] if extra else [_stamp("test")])]
    return PYTHON.exists() and any(s.is_file() and s.read_text(encoding="utf-8") == _fingerprint() for s in stamps)


def _stamp(extra: str) -> Path:
    return FOLDER / f"installed-{extra or 'app'}"


def _fingerprint() -> str:
    files = [PROJECT / "pyproject.toml", PROJECT / "constraints.txt"]
    return hashlib.sha256(b"".join([str(PROJECT).encode(), *(file.read_bytes() for file in files)])).hexdigest()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock that the system releases when the process ends, however it ends."""
    with (PROJECT / ".setup.lock").open("w") as lock:
        waiting = False
        while not _lock(lock.fileno()):
            if not waiting:
                sys.stderr.write("waiting for another set-up to end\n")
            waiting = True
            time.sleep(1)
        yield


def _lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # typed on Windows only
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _wait(child: subprocess.Popen[bytes]) -> int:
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return child.wait()


def _fail(message: str, exit_code: int) -> int:
    sys.stderr.write(f"error: {message}\n")
    return exit_code
