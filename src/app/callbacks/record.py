"""Keeps run.json true while a run trains, and turns signals into an orderly end."""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from app import console, performance, processes
from app.callbacks.checkpoint import BestAndLast
from app.errors import AppError, DivergedError, Interrupted
from app.runs import Run


class RunRecord(Callback):
    """Writes status, reason, best score and wall time of a run to its run.json.

    Args:
        run: The run that trains.
        seed: Its seed.
        begin: Called when the first batch is about to be trained on: only then does a run change its records.
    """

    def __init__(self, run: Run, seed: int, begin: Callable[[], None]) -> None:
        """Continue the wall time of a resumed run."""
        self.run = run
        self.seed = seed
        self.begin = begin
        self.started = False
        self._signal = 0
        self._best: dict[str, Any] | None = None
        self._before = float(run.record().get("wall_time_s", 0))
        self._start = time.monotonic()
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say that the run is running; from here on a signal ends it between two batches."""
        threads = f", {performance.threads()}" if trainer.accelerator.name() == "cpu" else ""
        console.say(f"run {self.run.folder}, seed {self.seed}, on {trainer.accelerator.name()}{threads}")
        self.started = True
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._on_signal)
        self.begin()
        self._best = self._best_of(trainer)
        self._write(trainer, status="running", reason=None)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:  # noqa: ANN401
        """Stop if a signal asked for it."""
        self._stop_if_asked()

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:  # noqa: ANN401
        """Stop if a signal asked for it."""
        self._stop_if_asked()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record a new best."""
        if self._best != self._best_of(trainer):
            self._write(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record how the run ended."""
        self._stop_if_asked()
        stopped_early = trainer.should_stop and trainer.current_epoch != trainer.max_epochs
        self._write(trainer, status="finished", reason="stopped early" if stopped_early else "trained to the end")
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Record why the run ended."""
        self._restore()
        exception = self.cause(exception)
        if isinstance(exception, Interrupted | KeyboardInterrupt):
            status = "interrupted"
        else:
            status = "diverged" if isinstance(exception, DivergedError) else "failed"
        reason = str(exception) if isinstance(exception, AppError) else f"{type(exception).__name__}: {exception}"
        if self.started:
            self._write(trainer, status=status, reason=reason.splitlines()[0].rstrip(": "))

    def cause(self, exception: BaseException) -> BaseException:
        """Return what an exception comes from: another process that ended first, perhaps by the signal to all."""
        if not processes.lost(exception):
            return exception
        return Interrupted(self._signal) if self._signal else processes.LostProcess()

    def _write(self, trainer: Trainer, **facts: Any) -> None:  # noqa: ANN401  # any JSON value
        if self._best != self._best_of(trainer):
            self._best = self._best_of(trainer)
            self.run.retire_results()
        self.run.update(
            **facts,
            epochs=trainer.current_epoch,
            steps=trainer.global_step,
            best=self._best or None,
            wall_time_s=round(self._before + time.monotonic() - self._start, 3),
        )

    @staticmethod
    def _best_of(trainer: Trainer) -> dict[str, Any]:
        found = [callback.best for callback in trainer.checkpoint_callbacks if isinstance(callback, BestAndLast)]
        return dict(found[0]) if found else {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._signal:  # the second time is meant: do not wait for the batch
            raise Interrupted(number)
        self._signal = number

    def _stop_if_asked(self) -> None:
        if self._signal:
            raise Interrupted(self._signal)

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
