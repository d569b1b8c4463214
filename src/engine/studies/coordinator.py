"""Coordinator of a study: gives runs to workers, and starts again what a killed worker has left."""

import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from engine.errors import CommandError, Interrupted, UsageError
from engine.runs.files import write_json
from engine.runs.folder import Run
from engine.studies import report
from engine.studies.pool import Pool, cores
from engine.studies.progress import Progress
from engine.studies.study_file import OUTPUT, Study
from engine.studies.worker import Job, Reply

POLL = 0.5  # seconds
DEATHS = 3  # of workers in a row in which a run has not taken a step further
INTERRUPTED = 128  # exit codes from here on are those of signals


@dataclass
class Task:
    """A run of a study, and how it stands."""

    variant: str
    seed: int
    run: Run
    status: str = "waiting"  # then running; at last finished, diverged or failed
    reason: str = ""
    began: float = 0.0
    deaths: int = 0
    steps: int = 0

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.variant}/{self.run.folder.name}"

    def look(self) -> None:
        """Take from the folder whether the run has ended: finished and tested, or diverged.

        Raises:
            UsageError: If it holds results without the settings that they belong to.
        """
        if not self.run.config.is_file() and any(self.run.folder.rglob("*.ckpt")):
            raise UsageError(f"{self.run.config} is missing: move {self.run.folder} away, and it is trained anew")
        status = self.run.status if self.run.config.is_file() else "waiting"
        tested = (self.run.folder / "test.json").is_file() and self.run.record().get("test")
        if status == "diverged" or (status == "finished" and tested):
            self.status, self.reason = status, str(self.run.record().get("reason") or "")

    def commands(self, study: Study) -> list[list[str]]:
        """Return what is left to do: train or resume, and test."""
        commands = [["test", "--run", self.run.title]]
        if self.run.config.is_file() and self.run.status == "finished":
            return commands
        if self.run.config.is_file() and self.run.last.is_file():
            return [["fit", "--run", self.run.title], *commands]
        shutil.rmtree(self.run.folder, ignore_errors=True)  # there is nothing to resume from
        return [["fit", *study.words(self.variant, self.seed)], *commands]


class Coordinator:
    """Makes the runs of a study.

    Args:
        size: Number of workers, by default one for each core.
        before: Settings of the variants that have runs, by their names: these are not checked again.
    """

    def __init__(self, study: Study, size: int | None, before: Mapping[str, Any]) -> None:
        self.study = study
        self.size = size
        self.before = before
        self.tasks = [Task(v, s, study.run(v, s)) for s in study.seeds for v in study.variants]
        self.began = datetime.now(UTC).isoformat(timespec="seconds")
        self.signal = 0
        self.pool: Pool | None = None

    def run(self) -> list[Task]:
        """Train and test what has not ended.

        Raises:
            Interrupted: By a signal, once every run is saved.
            UsageError: If a variant is wrong; then nothing is trained.
        """
        for task in self.tasks:
            task.look()
        waiting = [task for task in self.tasks if task.status == "waiting"]
        if not waiting:
            return self.tasks
        size = min(self.size or cores(), len(waiting))
        progress = Progress(self.study, self.tasks, size)
        with self._signals():
            self.pool = Pool(size)
            try:
                progress.start(self.pool.threads)
                self._check(self.pool)
                self.write("running")
                self._work(self.pool, progress)
            finally:
                progress.stop()
                self.pool.stop()
        return self.tasks

    def _check(self, pool: Pool) -> None:
        """Have the workers build what each new variant needs, and refuse what is wrong."""
        new = [variant for variant in self.study.variants if variant not in self.before]
        waiting = new or list(self.study.variants)[:1]  # which tells the device
        replies: dict[str, Reply] = {}
        deaths: Counter[str] = Counter()
        while waiting or any(worker.task for worker in pool.workers):
            for worker, variant in zip(pool.idle(), list(waiting), strict=False):
                waiting.remove(variant)
                pool.give(worker, Job(check=self.study.words(variant, self.study.seeds[0])), variant)
            for variant, reply in pool.replies(POLL):
                deaths[variant] += reply is None
                if reply is None and deaths[variant] < DEATHS:
                    waiting.append(variant)
                    continue
                replies[variant] = reply or Reply(1, f"the process that checks it was killed {DEATHS} times")
            self._stop_if_asked()
        for variant in self.study.variants:
            if variant in replies and (code := replies[variant].code):
                error = self.study.wrong(variant, replies[variant].reason.removeprefix("command line: "))
                error.exit_code = code
                raise error
        if {reply.device for reply in replies.values()} != {"cpu"} and self.size is None:
            pool.shrink(1)  # runs would share the memory of one device

    def _work(self, pool: Pool, progress: Progress) -> None:
        while any(task.status in ("waiting", "running") for task in self.tasks):
            waiting = [task for task in self.tasks if task.status == "waiting" and not task.run.alive]
            for worker, task in zip(pool.idle(), waiting, strict=False):
                task.status, task.began, task.steps = "running", time.monotonic(), self._steps(task)
                output = (self.study.folder / OUTPUT / f"{task.variant}_{task.seed}.txt").absolute()
                pool.give(worker, Job(task.commands(self.study), str(output)), task)
            if pool.idle():  # the last runs are training, and a core is free
                report.load()
            for task, reply in pool.replies(POLL):
                self._end(task, reply)
                if not self.study.folder.is_dir():
                    raise CommandError(f"{self.study.folder} was deleted while the study ran")
                self.write("running")
                if task.status != "waiting":
                    progress.ended(task)
            self._stop_if_asked()
            progress.show()

    def _end(self, task: Task, reply: Reply | None) -> None:
        """Record how a run ended; one whose worker was killed or stopped waits to be resumed."""
        task.status = "waiting"
        if reply is None or reply.code >= INTERRUPTED:
            task.deaths = task.deaths + 1 if self._steps(task) <= task.steps else 0
            if task.deaths >= DEATHS:
                task.status, task.reason = "failed", f"its process was killed {DEATHS} times: is there enough memory?"
            return
        try:
            task.look()
        except UsageError as error:
            task.status, task.reason = "failed", str(error)
        if task.status == "waiting":
            task.status, task.reason = "failed", reply.reason

    def write(self, state: str) -> None:
        """Write study.json: the settings of each variant, those that left the file too, and how each run stands."""
        now = {name: variant.settings() for name, variant in self.study.variants.items()}
        facts: dict[str, Any] = {
            "source": self.study.source,
            "state": state,
            "began": self.began,
            "changed": datetime.now(UTC).isoformat(timespec="seconds"),
            "baseline": self.study.baseline,
            "seeds": self.study.seeds,
            "variants": {**self.before, **now},
            "runs": {task.title: {"status": task.status, "reason": task.reason} for task in self.tasks},
        }
        write_json(self.study.folder / "study.json", facts)

    @staticmethod
    def _steps(task: Task) -> int:
        try:
            return int(task.run.record().get("steps", -1))
        except UsageError:
            return -1

    def _stop_if_asked(self) -> None:
        if self.signal:
            raise Interrupted(self.signal)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._on_signal) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signal:  # the second time is meant: do not wait for the runs
            if self.pool is not None:
                self.pool.kill()
            return
        self.signal = number
        sys.stderr.write("saving every run that trains; the same once more does not wait for them\n")
