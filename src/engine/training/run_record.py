"""Metadata of a run: config.yaml and run.json, kept true while it trains."""

import contextlib
import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging, WeightAveraging

from engine import console, process
from engine.errors import CommandError, DivergedError, Interrupted
from engine.logs.summary import parameters
from engine.runs.config_file import dump
from engine.runs.files import write_text
from engine.runs.folder import Run
from engine.training import callbacks
from engine.training.best_and_last import best_and_last
from engine.training.interruption import Interruption
from engine.training.state import ending


class RunRecord(Callback):
    """Writes settings, origin, status, best score and wall time of a run.

    Args:
        settings: What config.yaml is to hold.
        origin: Facts about this start for run.json.
        interruption: Listens before anything is written: from then on a signal must not cut it short.
    """

    def __init__(self, run: Run, settings: dict[str, Any], origin: dict[str, Any], interruption: Interruption) -> None:
        self.run = run
        self.settings = settings
        self.origin = origin
        self.interruption = interruption
        self.started = False
        self._best: dict[str, Any] | None = None
        self._before = float(run.record().get("wall_time_s", 0))
        self._start = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write that the run is running; a checkpoint is written first, so that any run can be resumed."""
        threads = f", {console.count(torch.get_num_threads(), 'thread')}" if trainer.accelerator.name() == "cpu" else ""
        seed = self.settings["seed_everything"]
        console.say(f"run {self.run.folder}, seed {seed}, on {trainer.accelerator.name()}{threads}")
        self.interruption.listen()
        checkpoints = best_and_last(trainer)
        # To save an optimizer's state under FSDP before there is one, PyTorch takes a step, which is counted.
        if checkpoints is not None and not self.run.last.is_file() and pl_module.device_mesh is None:
            checkpoints.save_last(trainer)
        self.started = True
        write_text(self.run.config, dump(self.settings))
        self.run.update(**self.origin, parameters=parameters(pl_module))
        self._best = self.run.record().get("best")  # a run that was killed may not have recorded its newest
        self._write(trainer, status="running", reason=None)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record a new best."""
        self._record_best(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the best, which the dashboard shows; averaged weights come after the last is saved."""
        if (checkpoints := best_and_last(trainer)) is not None:
            if any(
                isinstance(callback, WeightAveraging | StochasticWeightAveraging) for callback in callbacks.of(trainer)
            ):
                checkpoints.finish(trainer)
            checkpoints.write_best(trainer)
        self._record_best(trainer)

    def finish(self, trainer: Trainer) -> None:
        """Record how the run ended, once everything is written."""
        checkpoints = best_and_last(trainer)
        ended = (checkpoints and checkpoints.ended) or ending(trainer)
        self._write(trainer, status="finished", reason=ended, **callbacks.facts(callbacks.of(trainer)))

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Record why the run ended."""
        if not self.started:
            return
        exception = self.cause(exception)
        with contextlib.suppress(CommandError, OSError):
            if (checkpoints := best_and_last(trainer)) is not None:
                checkpoints.write_best(trainer)
        if isinstance(exception, Interrupted | KeyboardInterrupt):
            status = "interrupted"
        else:
            status = "diverged" if isinstance(exception, DivergedError) else "failed"
        reason = str(exception) if isinstance(exception, CommandError) else f"{type(exception).__name__}: {exception}"
        with contextlib.suppress(OSError):  # the disk may be full: that is why it ended
            self._write(trainer, status=status, reason=reason.splitlines()[0].rstrip(": "))

    def cause(self, exception: BaseException) -> BaseException:
        """Return what an exception comes from: another process that ended first, perhaps by the signal to all."""
        if not process.lost(exception):
            return exception
        return Interrupted(self.interruption.signal) if self.interruption.signal else process.LostProcess()

    def _record_best(self, trainer: Trainer) -> None:
        if self._new_best(trainer):
            self._write(trainer)

    def _new_best(self, trainer: Trainer) -> dict[str, Any] | None:
        """Return a best that is written and not yet recorded."""
        checkpoints = best_and_last(trainer)
        new = checkpoints is not None and checkpoints.best_is_written and self._best != checkpoints.best
        return dict(checkpoints.best) if checkpoints is not None and new else None

    def _write(self, trainer: Trainer, **facts: Any) -> None:
        if best := self._new_best(trainer):
            if (self._best or {}).get("epoch") != best["epoch"]:
                self.run.retire_results()
            self._best = best
        self.run.update(
            **facts,
            epochs=trainer.current_epoch,
            steps=trainer.global_step,
            best=self._best or None,
            wall_time_s=round(self._before + time.monotonic() - self._start, 3),
        )
