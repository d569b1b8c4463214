"""Checkpoints: best.ckpt to evaluate, last.ckpt to resume from."""

import contextlib
import math
import time
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, StochasticWeightAveraging
from lightning.pytorch.trainer.states import TrainerFn

from engine.errors import CommandError, UsageError, check_range, nearest, one_line, system_error
from engine.lazy import optional
from engine.logs.run_logger import RunLogger
from engine.process import lost
from engine.runs.checkpoint_file import load
from engine.runs.plain_values import copied
from engine.training import state
from engine.training.callbacks import of

MAX_SAVE_FRACTION = 0.02  # of wall time spent saving between epochs, unless every_n_epochs is set


class BestAndLast(Checkpoint):
    """Keeps the best checkpoint by a monitored metric, and the last.

    ModelCheckpoint keeps both too, but saves the last in the middle of the hooks that end an epoch, before schedulers
    have stepped and metrics are logged. What is saved here, between two epochs or two steps, resumes exactly. Inside an
    epoch that needs one process, and a loader that knows its position, as those of engine.data do; with any other
    loader the rest of the epoch is drawn anew.

    A new best of a small network waits in memory until last.ckpt is written.

    The last epoch is always validated, whatever check_val_every_n_epoch says, so that a run ends with a best.

    Args:
        monitor: Metric that decides which is best; null takes the newest that was validated.
        mode: Whether the minimum or the maximum is best.
        every_n_epochs: How often to save the last between epochs; by default after each validation, as long as that
            takes no more than 2 % of the time.
        every_minutes: How long to train at most, inside an epoch too, before saving the last: what a killed run has to
            train again.

    Raises:
        ValueError: If a number is out of its range.
    """

    def __init__(
        self,
        monitor: str | None = "val/loss",
        mode: Literal["min", "max"] = "min",
        every_n_epochs: int | None = None,
        every_minutes: float = 5.0,
    ) -> None:
        check_range("every_n_epochs", 1 if every_n_epochs is None else every_n_epochs, 1)
        check_range("every_minutes", every_minutes, 0)
        self.monitor = monitor
        self.mode = mode
        self.every_n_epochs = every_n_epochs
        self.every_minutes = every_minutes
        self.folder = Path()
        self.best: dict[str, Any] = {}
        self._score: dict[str, Any] = {}
        self._written: dict[str, Any] = {}  # the best of a run that is resumed, as best.ckpt has it
        self.ended: str | None = None  # how, if it did
        self._validated = False
        self._pending: dict[str, Any] | None = None  # a best that is not written yet
        self._cheap = 0.0  # from when on saving costs little
        self._due = math.inf  # when to save inside an epoch

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the run's folder, and the best that is there: last.ckpt, which a run is resumed from, may be older."""
        self.folder = Path(trainer.default_root_dir) / "checkpoints"
        path = self.folder / "best.ckpt"
        if stage == "fit" and path.is_file():
            with contextlib.suppress(UsageError):  # damaged
                saved = load(path, getattr(trainer.strategy.checkpoint_io, "trust", False))
                self._written = saved.content["callbacks"].get(self.state_key, {}).get("best", {})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock; a run may be resumed in its last epoch."""
        self.ended = None
        self._due = time.monotonic() + 60 * self.every_minutes
        self._validate_last_epoch(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last checkpoint of the epoch before; have the last epoch validated."""
        if trainer.current_epoch > 0 and self._is_due(trainer):
            self.save_last(trainer)
        self._validated = False
        self._validate_last_epoch(trainer)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Save the last checkpoint, if that was long ago."""
        if time.monotonic() >= self._due and state.can_save(trainer) and state.between_steps(trainer):
            state.log_step(trainer)
            self.save_last(trainer)
        elif trainer.should_stop and self.ended is None and state.can_save(trainer) and state.is_cut_by_time(trainer):
            self.ended = state.TIME_IS_UP  # the epoch will count as trained, but a resume shall go on inside it
            state.log_step(trainer)
            self.save_last(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the weights that were just scored, if they are the best."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        metrics = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        monitor = self.monitor or "val/loss"
        if monitor not in metrics:
            hint = nearest(monitor, metrics)
            raise UsageError(f"no metric {monitor} to find the best checkpoint by{hint} ({', '.join(metrics)})")
        if trainer.sanity_checking:
            return
        self._validated = True
        score = metrics[monitor]
        when = {"epoch": trainer.current_epoch}
        if not trainer.is_last_batch:  # one of several validations of an epoch
            when["step"] = trainer.global_step
        self._score = {"monitor": monitor, "value": score, **when}
        if self._improves(score):
            self.best = {"monitor": monitor, "score": score, **when, "metrics": metrics}
            self._pending = self._copy(trainer)
            if self._pending is None:
                self.save(trainer, "best")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Complete the metrics of the best epoch with those of its training."""
        if self.best.get("epoch") == trainer.current_epoch:
            more = {name: value.item() for name, value in trainer.callback_metrics.items()}
            self.best["metrics"] = more | self.best["metrics"]

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what only the end of training gives: a best where nothing is validated, and averaged weights."""
        self.finish(trainer)
        if not self.best and not any(trainer.num_val_batches):  # nothing is validated: the best is the last
            self.save(trainer, "best")
        if any(isinstance(callback, StochasticWeightAveraging) for callback in of(trainer)):
            self.save(trainer, "averaged")

    def finish(self, trainer: Trainer) -> None:
        """Save the last checkpoint, which says how training ended: before a callback sets weights for what follows it.

        Those that average weights put them into the model then, and a resume has to go on from the others.
        """
        if self.ended is None:
            self.ended = state.ending(trainer)
            self.save_last(trainer)
        self.write_best(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the best on the disk, if there is room."""
        with contextlib.suppress(CommandError, OSError):
            self.write_best(trainer)

    @property
    def best_is_written(self) -> bool:
        """Whether best.ckpt holds the best."""
        return self._pending is None

    def write_best(self, trainer: Trainer) -> None:
        """Write a best that waits in memory."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self.save(trainer, "best", pending)

    def save_last(self, trainer: Trainer) -> None:
        """Save the checkpoint to resume from; what was logged until then is in its files before."""
        for logger in trainer.loggers:
            if isinstance(logger, RunLogger):
                logger.flush()
        begin = time.monotonic()
        self.write_best(trainer)
        self.save(trainer, "last")
        end = time.monotonic()
        self._cheap = end + (end - begin) / MAX_SAVE_FRACTION
        self._due = end + 60 * self.every_minutes

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the score of the weights, and the state that Lightning leaves out."""
        checkpoint["score"], checkpoint["ended"] = self._score, self.ended
        checkpoint["resume"] = state.surroundings(trainer)
        state.correct_progress(checkpoint["loops"]["fit_loop"], trainer.validating, checkpoint["resume"]["exact"])

    def state_dict(self) -> dict[str, Any]:
        """Return the best and the newest score, and where they came from."""
        return {"best": self.best, "score": self._score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with the scores of the run so far."""
        self.best, self._score = state_dict["best"], state_dict["score"]
        if self.monitor is not None and self._written and self._improves(self._written["score"]):
            self.best = self._written

    def _improves(self, score: float) -> bool:
        best = self.best.get("score")
        better = best is None or self.monitor is None or (score < best if self.mode == "min" else score > best)
        return better and math.isfinite(score)

    def _is_due(self, trainer: Trainer) -> bool:
        now, alone = time.monotonic(), trainer.world_size == 1  # the clocks of several processes may disagree
        if alone and now >= self._due:
            return True
        if self.every_n_epochs is not None:
            return trainer.current_epoch % self.every_n_epochs == 0
        return self._validated and (now >= self._cheap or not alone)

    def _copy(self, trainer: Trainer) -> dict[str, Any] | None:
        """Return a copy of the checkpoint that would be written, while writing takes too much time; else None."""
        resume = optional("engine.training.resume")
        wait = self.every_n_epochs is None and trainer.world_size == 1 and time.monotonic() < self._cheap
        return copied(resume.dump_checkpoint(trainer)) if wait and resume is not None else None

    @staticmethod
    def _validate_last_epoch(trainer: Trainer) -> None:
        if trainer.current_epoch + 1 == trainer.max_epochs and trainer.check_val_every_n_epoch:
            trainer.check_val_every_n_epoch = 1

    def save(self, trainer: Trainer, name: str, pending: dict[str, Any] | None = None) -> None:
        """Save the checkpoint best or last, as training stands or as it stood when a copy was taken.

        Raises:
            CommandError: If it cannot be written.
        """
        path = self.folder / f"{name}.ckpt"
        try:
            if trainer.is_global_zero:
                path.parent.mkdir(exist_ok=True)
            if pending is None:
                trainer.save_checkpoint(path)
            else:
                trainer.strategy.save_checkpoint(pending, path)
        except (OSError, RuntimeError) as error:  # PyTorch's own writer raises RuntimeError
            if lost(error):
                raise
            if not self.folder.parent.is_dir():
                raise FileNotFoundError from error
            cause = system_error(error)  # PyTorch's writer hides it behind its own
            why = (cause and cause.strerror) or one_line(error)
            raise CommandError(f"{path} cannot be written: {why}; the one before is kept") from error


def best_and_last(trainer: Trainer) -> BestAndLast | None:
    """Return the callback that keeps the checkpoints, None if the settings switch it off."""
    found = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, BestAndLast)]
    return found[0] if found else None
