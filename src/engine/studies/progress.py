"""Progress of a study: one line for the whole, and one for each run that ends."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from engine import console
from engine.studies.study_file import Study

if TYPE_CHECKING:
    from engine.studies.coordinator import Task


class Progress:
    """A bar on a terminal; elsewhere each run that ends prints its line and that of the whole."""

    def __init__(self, study: Study, tasks: "Sequence[Task]", workers: int) -> None:
        self.study = study
        self.tasks = tasks
        self.workers = workers
        self.took: list[float] = []  # seconds of the runs that ended
        self._bar: Bar | None = None

    def start(self, threads: int) -> None:
        """Say what is to be done."""
        done = sum(task.status != "waiting" for task in self.tasks)
        parts = [console.count(len(self.study.variants), "variant"), console.count(len(self.study.seeds), "seed")]
        text = f"study {self.study.name}: {' x '.join(parts)}, {console.count(len(self.tasks), 'run')}"
        workers = f"{console.count(self.workers, 'worker')} of {console.count(threads, 'thread')}"
        console.say(f"{text}{f' ({done} done already)' if done else ''}, {workers}")
        if sys.stdout.isatty():
            columns = (BarColumn(), TextColumn("{task.description}"))
            self._bar = Bar(*columns, auto_refresh=False, console=console.terminal())
            self._bar.start()
            self._bar.add_task(self._whole(), total=len(self.tasks))

    def ended(self, task: "Task") -> None:
        """Print how a run ended."""
        self.took.append(time.monotonic() - task.began)
        best = (task.run.record().get("best") or {}) if task.status == "finished" else {}
        # Without a metric to go by, the newest epoch is kept.
        score = f", best {best['monitor']} {best['score']:.4g} in epoch {best['epoch']}" if best.get("monitor") else ""
        reason = f": {task.reason.splitlines()[0]}" if task.reason and task.status != "finished" else score
        console.say(f"{task.title} {task.status}{reason}" + ("" if self._bar else f" | {self._whole()}"))

    def show(self) -> None:
        """Draw the bar anew."""
        if self._bar is not None:
            done = sum(task.status not in ("waiting", "running") for task in self.tasks)
            self._bar.update(self._bar.task_ids[0], completed=done, description=self._whole(), refresh=True)

    def stop(self) -> None:
        """Give the terminal back."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _whole(self) -> str:
        found = Counter(task.status for task in self.tasks)
        parts = [f"{found['finished']} of {len(self.tasks)} done"]
        parts += [f"{found[status]} {status}" for status in ("running", "failed", "diverged") if found[status]]
        return ", ".join(parts + ([f"{console.duration(left)} left"] if (left := self._left()) else []))

    def _left(self) -> float:
        """Return the seconds that are left, by the mean of the runs that ended; 0 if there is none."""
        if not self.took:
            return 0.0
        mean, now = sum(self.took) / len(self.took), time.monotonic()
        running = [max(0.0, mean - (now - task.began)) for task in self.tasks if task.status == "running"]
        waiting = sum(task.status == "waiting" for task in self.tasks)
        return (sum(running) + waiting * mean) / self.workers
