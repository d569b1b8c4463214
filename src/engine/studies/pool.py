"""Pool of worker processes, started by spawn, which every system has."""

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from engine.errors import CommandError
from engine.process import THREAD_VARIABLES
from engine.project import current
from engine.studies.worker import Job, Reply, Setup, serve

LOST, KILLED = 2, 10  # workers in a row that may end before they are ready: by themselves, and by a signal


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class Worker:
    """A process, and what it is doing."""

    process: SpawnProcess
    connection: Connection
    task: Any = None  # whatever its job is for
    ready: bool = False


class Pool:
    """Workers that each do one job at a time.

    Args:
        size: Number of workers; they divide the cores among them.
    """

    def __init__(self, size: int) -> None:
        given = [int(value) for name in THREAD_VARIABLES if (value := os.environ.get(name, "")).isdigit()]
        self.threads = max(1, min([cores() // size, *given]))
        self.workers: list[Worker] = []
        self.lost = 0
        for _ in range(size):
            self.start()

    def start(self) -> None:
        """Start a worker, which imports for seconds before it is ready."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        setup = Setup(current(), os.getcwd(), self.threads)  # noqa: PTH109
        # Not a daemon: those may not have processes of their own, which load data.
        process = context.Process(target=serve, args=(theirs, setup), daemon=False)
        process.start()
        theirs.close()  # so that its end is seen
        self.workers.append(Worker(process, ours))

    def idle(self) -> list[Worker]:
        """Return the workers that can take a job."""
        return [worker for worker in self.workers if worker.ready and worker.task is None]

    def give(self, worker: Worker, job: Job, task: Any) -> None:
        """Give a worker a job; one that has just ended is found to have by `replies`."""
        worker.task = task
        try:
            worker.connection.send(job)
        except OSError:
            return

    def replies(self, seconds: float) -> Iterator[tuple[Any, Reply | None]]:
        """Wait, and yield what tasks were replied; None for one whose worker has ended, which is replaced.

        Raises:
            CommandError: If workers end before they are ready.
        """
        for connection in wait([worker.connection for worker in self.workers], seconds):
            worker = next(worker for worker in self.workers if worker.connection is connection)
            try:
                reply = worker.connection.recv()
            except (EOFError, OSError):
                task = worker.task
                self._replace(worker)
                if task is not None:
                    yield task, None
                continue
            if not worker.ready:
                worker.ready = True
                continue
            task, worker.task = worker.task, None
            yield task, reply

    def _replace(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.connection.close()
        worker.process.join()
        self.lost = 0 if worker.ready else self.lost + 1
        code = worker.process.exitcode or 0
        if self.lost >= (KILLED if code < 0 else LOST):
            raise CommandError(f"worker processes end before they are ready (exit code {code})")
        self.start()

    def shrink(self, size: int) -> None:
        """Let surplus workers end that are doing nothing."""
        for worker in [worker for worker in self.workers if worker.task is None][: len(self.workers) - size]:
            self.workers.remove(worker)
            self._stop(worker)

    def stop(self) -> None:
        """Ask all workers to save what they are training, and to end; returns when they have."""
        for worker in self.workers:
            self._stop(worker)
        for worker in self.workers:
            worker.process.join()

    def kill(self) -> None:
        """End all workers at once."""
        for worker in self.workers:
            worker.process.kill()

    @staticmethod
    def _stop(worker: Worker) -> None:
        try:
            worker.connection.send(None)
        except OSError:
            return
