"""Keeps run.json true while a run trains."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from engine import console, performance, processes
from engine.errors import CommandError, DivergedError, Interrupted
from engine.runs.folder import Run
from engine.training.best_and_last import BestAndLast
from engine.training.interruption import Interruption


class RunRecord(Callback):
    """Writes status, reason, best score and wall time of a run to its run.json.

    Args:
        run: The run that trains.
        seed: Its seed.
        begin: Called when the first batch is about to be trained on: only then does a run change its records.
        interruption: Listens before anything is written: from then on a signal must not cut it short.
    """

    def __init__(self, run: Run, seed: int, begin: Callable[[], None], interruption: Interruption) -> None:
        """Continue the wall time of a resumed run."""
        self.run = run
        self.seed = seed
        self.begin = begin
        self.interruption = interruption
        self.started = False
        self._best: dict[str, Any] | None = None
        self._before = float(run.record().get("wall_time_s", 0))
        self._start = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say that the run is running; before there is a run there is a checkpoint, so that any can be resumed."""
        threads = f", {performance.threads()}" if trainer.accelerator.name() == "cpu" else ""
        console.say(f"run {self.run.folder}, seed {self.seed}, on {trainer.accelerator.name()}{threads}")
        self.interruption.listen()
        keeper = _keeper(trainer)
        # To save an optimizer's state under FSDP before there is one, PyTorch takes a step, which is counted.
        if keeper is not None and not self.run.last.is_file() and pl_module.device_mesh is None:
            keeper.save_last(trainer)
        self.started = True
        self.begin()
        self._best = self.run.record().get("best")  # a run that was killed may not have recorded its newest
        self._write(trainer, status="running", reason=None)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record a new best."""
        self._record_best(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the best, which the dashboard shows."""
        if (keeper := _keeper(trainer)) is not None:
            keeper.write_best(trainer)
        self._record_best(trainer)

    def finish(self, trainer: Trainer) -> None:
        """Record how the run ended, once everything is written."""
        keeper = _keeper(trainer)
        stopped_early = trainer.should_stop and trainer.current_epoch != trainer.max_epochs
        ended = "stopped early" if stopped_early else "trained to the end"
        self._write(trainer, status="finished", reason=(keeper and keeper.ended) or ended)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Record why the run ended."""
        exception = self.cause(exception)
        if self.started and (keeper := _keeper(trainer)) is not None:
            with contextlib.suppress(CommandError, OSError):
                keeper.write_best(trainer)
        if isinstance(exception, Interrupted | KeyboardInterrupt):
            status = "interrupted"
        else:
            status = "diverged" if isinstance(exception, DivergedError) else "failed"
        reason = str(exception) if isinstance(exception, CommandError) else f"{type(exception).__name__}: {exception}"
        if self.started:
            with contextlib.suppress(OSError):  # the disk may be full: that is why it ended
                self._write(trainer, status=status, reason=reason.splitlines()[0].rstrip(": "))

    def _record_best(self, trainer: Trainer) -> None:
        keeper = _keeper(trainer)
        if keeper is not None and keeper.settled and self._best != keeper.best:
            self._write(trainer)

    def cause(self, exception: BaseException) -> BaseException:
        """Return what an exception comes from: another process that ended first, perhaps by the signal to all."""
        if not processes.lost(exception):
            return exception
        return Interrupted(self.interruption.signal) if self.interruption.signal else processes.LostProcess()

    def _write(self, trainer: Trainer, **facts: Any) -> None:
        keeper = _keeper(trainer)
        if keeper is not None and keeper.settled and self._best != keeper.best:
            if (self._best or {}).get("epoch") != keeper.best.get("epoch"):
                self.run.retire_results()
            self._best = dict(keeper.best)
        self.run.update(
            **facts,
            epochs=trainer.current_epoch,
            steps=trainer.global_step,
            best=self._best or None,
            wall_time_s=round(self._before + time.monotonic() - self._start, 3),
        )


def _keeper(trainer: Trainer) -> BestAndLast | None:
    found = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, BestAndLast)]
    return found[0] if found else None
