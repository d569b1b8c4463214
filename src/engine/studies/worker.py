"""Worker process: imports once, then runs one command after another, each as in a new process."""

import contextlib
import os
import queue
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import process
from engine.errors import CommandError, Interrupted, UsageError
from engine.main import run
from engine.project import Project, set_current

if TYPE_CHECKING:
    from engine.studies.process_state import ProcessState

GRACE = 60.0  # seconds in which a worker whose coordinator is gone may save its run


@dataclass(frozen=True)
class Job:
    """Commands to run in order until one fails, or the words after `fit` to check."""

    commands: list[list[str]] = field(default_factory=list)
    output: str = os.devnull  # file that takes what they print
    check: list[str] | None = None


@dataclass(frozen=True)
class Reply:
    """How a job ended: the exit code of its last command, and why it was not 0."""

    code: int
    reason: str = ""
    device: str = "cpu"


@dataclass(frozen=True)
class Setup:
    """What a worker is given when it starts."""

    project: Project
    folder: str  # to work in
    threads: int


def serve(connection: Connection, setup: Setup) -> None:
    """Do the jobs that a connection brings, until it closes."""
    _detach()
    os.chdir(setup.folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # before a console is made for it
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    stopping = threading.Event()
    threading.Thread(target=_listen, args=(connection, jobs, stopping), daemon=True).start()
    set_current(setup.project)
    from engine.training.command import load

    load()
    from engine.studies.process_state import ProcessState

    state = ProcessState(setup.threads)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # the coordinator is gone: whatever was running is saved
        connection.send(None)
        while (job := jobs.get()) is not None:
            connection.send(_do(job, setup.project, stopping, state))
    os._exit(0)  # without taking apart what was imported


def _do(job: Job, project: Project, stopping: threading.Event, state: "ProcessState") -> Reply:
    if job.check is not None:
        words = job.check
        with state.as_new(), _output_to(os.devnull):
            return _guarded(lambda: _checked(words), stopping)
    output = Path(job.output)
    begin = output.stat().st_size if output.is_file() else 0
    for words in job.commands:
        with state.as_new(), _output_to(job.output):
            reply = _guarded(lambda: Reply(_command(project, words)), stopping)  # noqa: B023  # called at once
        if reply.code:
            return reply if reply.reason else Reply(reply.code, _reason(output, begin))
    return Reply(0)


def _guarded(work: Callable[[], Reply], stopping: threading.Event) -> Reply:
    """Do something that a signal may interrupt, and that must not end this process."""
    try:
        signal.signal(signal.SIGTERM, process.terminate)
        if stopping.is_set():
            raise Interrupted(signal.SIGTERM)
        return work()
    except CommandError as error:
        return Reply(error.exit_code, str(error))
    except KeyboardInterrupt:
        return Reply(130, "interrupted")
    except SystemExit as error:
        return Reply(error.code if isinstance(error.code, int) else 1)
    except BaseException as error:
        traceback.print_exc()
        return Reply(1, traceback.format_exception_only(error)[-1].strip())
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _command(project: Project, words: list[str]) -> int:
    sys.argv[1:] = words  # what run.json says made the run
    print(f"$ {' '.join(words)}", flush=True)
    return run(project, words)


def _checked(words: list[str]) -> Reply:
    """Build all that a run needs, which refuses what is wrong, and train nothing."""
    from engine.settings.choice import choose
    from engine.settings.command_line import CommandLine
    from engine.training import callbacks
    from engine.training.command import library_errors

    with library_errors(), tempfile.TemporaryDirectory() as folder:
        cli = CommandLine(choose("fit", words))
        trainer = cli.build_trainer(Path(folder), callbacks.for_fit(cli, [], []))
        if trainer.world_size > 1:
            raise UsageError("a run of a study trains in one process: --trainer.devices 1 --trainer.num_nodes 1")
        return Reply(0, device=trainer.accelerator.name())


def _listen(connection: Connection, jobs: Any, stopping: threading.Event) -> None:
    """Pass jobs on; a None, or the end of the coordinator, saves the run that trains and ends the process."""
    job: Job | None
    try:
        while (job := connection.recv()) is not None:
            jobs.put(job)
        alone = False
    except (EOFError, OSError):
        alone = True
    stopping.set()
    jobs.put(None)
    signal.raise_signal(signal.SIGTERM)
    if alone:
        time.sleep(GRACE)
        os._exit(1)


def _detach() -> None:
    """Keep the terminal's Ctrl-C from this process: the coordinator gets it, and asks its workers to stop."""
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.kernel32.SetConsoleCtrlHandler(None, True)
    else:
        os.setsid()


@contextlib.contextmanager
def _output_to(path: str) -> Iterator[None]:
    """Append what this process prints to a file."""
    kept = os.dup(1), os.dup(2)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        for number in (1, 2):
            os.dup2(file, number)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # a full disk
                stream.flush()
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
            os.close(old)
        os.close(file)


def _reason(output: Path, begin: int) -> str:
    """Return what a command printed when it failed: its line of error, else the last line."""
    with output.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").splitlines()
    errors = [number for number, line in enumerate(lines) if line.startswith("error")]
    text = lines[errors[-1]].partition(": ")[2] if errors else next((line for line in lines[::-1] if line.strip()), "")
    return text.strip()
