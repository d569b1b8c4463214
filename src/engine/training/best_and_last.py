"""Checkpoints: best.ckpt to evaluate, last.ckpt to resume from."""

import contextlib
import math
import time
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, StochasticWeightAveraging
from lightning.pytorch.trainer.states import TrainerFn

from engine import console
from engine.errors import CommandError, UsageError, check_range, one_line, system_error
from engine.lazy import optional
from engine.logs.metric_names import words
from engine.logs.run_logger import RunLogger
from engine.process import lost
from engine.project import program
from engine.runs.checkpoint_file import load
from engine.runs.folder import Run
from engine.runs.plain_values import copied
from engine.training import state
from engine.training.callbacks import of
from engine.training.monitor import DEFAULT, SETTING, Monitor

MORE_IS_BETTER = {"acc", "accuracy", "auc", "auroc", "dice", "f1", "iou", "precision", "r2", "recall"}
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
        monitor: Metric that decides which is best, of validation or of training: engine/training/monitor.py. The
            default stands for the validation loss, whatever its name; null takes the newest that was validated.
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
        monitor: str | None = DEFAULT,
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
        self._monitor = Monitor(monitor)
        self.refusal: UsageError | None = None  # ends the training once it is saved
        self.ended: str | None = None  # how, if it did
        self._validated = False
        self._pending: dict[str, Any] | None = None  # a best that is not written yet
        self._cheap = 0.0  # from when on saving costs little
        self._due = math.inf  # when to save inside an epoch

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the run's folder, and the best that is there: last.ckpt, which a run is resumed from, may be older."""
        self.folder = Path(trainer.default_root_dir) / "checkpoints"
        self._monitor = Monitor(self.monitor)
        path = self.folder / "best.ckpt"
        if stage == "fit" and path.is_file():
            with contextlib.suppress(UsageError):  # damaged
                saved = load(path, getattr(trainer.strategy.checkpoint_io, "trust", False))
                self._written = saved.content["callbacks"].get(self.state_key, {}).get("best", {})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock; a run may be resumed in its last epoch."""
        self.ended = None
        if self.mode == "min" and self.monitor and MORE_IS_BETTER & set(words(self.monitor)):
            console.say(
                f"best checkpoint: the least {self.monitor}; if more is better: --callbacks.checkpoint.mode max"
            )
        self._due = time.monotonic() + 60 * self.every_minutes
        self._validate_last_epoch(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last checkpoint of the epoch before; have the last epoch validated."""
        if trainer.current_epoch > 0 and (self.refusal or self._is_due(trainer)):
            self.save_last(trainer)
            self._refuse(trainer)
        self._validated = False
        self._validate_last_epoch(trainer)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Save the last checkpoint, if that was long ago."""
        if time.monotonic() >= self._due and state.can_save(trainer) and state.between_steps(trainer):
            state.log_step(trainer)
            self.save_last(trainer)
            self._refuse(trainer)
        elif trainer.should_stop and self.ended is None and state.can_save(trainer) and state.is_cut_by_time(trainer):
            self.ended = state.TIME_IS_UP  # the epoch will count as trained, but a resume shall go on inside it
            state.log_step(trainer)
            self.save_last(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the metrics before the validation."""
        self._monitor.begin(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the weights that were just scored, if they are the best."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        metrics, trial = self._monitor.validated(trainer), trainer.sanity_checking
        self._monitor.choose(metrics, trial)
        if trial and self._monitor.error:  # there is nothing to keep yet
            raise self._monitor.error
        if self._monitor.error:
            self.refuse(self._monitor.error)
        if not trial:
            self._validated = True
            if not self._monitor.late:
                self._rate(trainer, metrics)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Rate the epoch by a metric of training; complete the metrics of the best with those of its training."""
        if self._monitor.late:
            self._monitor.at_epoch_end(trainer.callback_metrics, self._validated or not trainer.enable_validation)
            if self._monitor.name is not None:
                self._rate(trainer, _values(trainer))
            elif self._monitor.error:
                self.refuse(self._monitor.error)
        if self.best.get("epoch") == trainer.current_epoch:
            self.best["metrics"] = _values(trainer) | self.best["metrics"]

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what only the end of training gives: a best where nothing is validated, and averaged weights."""
        self.finish(trainer)
        validated = trainer.enable_validation and (self.best or self._score)
        if not validated:
            self._keep_newest(trainer)
        averaging = (callback for callback in of(trainer) if isinstance(callback, StochasticWeightAveraging))
        if any(trainer.current_epoch > callback.swa_start for callback in averaging):  # else it has not begun
            self.save(trainer, "averaged")
        self._refuse(trainer)

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

    def refuse(self, error: UsageError) -> None:
        """End the training with an error, as soon as it is saved."""
        self.refusal, self._due = error, 0.0

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

    def _keep_newest(self, trainer: Trainer) -> None:
        if self.best.get("score") is None:
            epoch = max(trainer.current_epoch - 1, 0)
            self.best = {"monitor": None, "score": None, "epoch": epoch, "metrics": _values(trainer)}
            self.save(trainer, "best")

    def _refuse(self, trainer: Trainer) -> None:
        if self.refusal is not None:
            self._keep_newest(trainer)
            setting = f" {SETTING} NAME" if self.refusal is self._monitor.error else ", with another metric"
            title = Run(self.folder.parent).title
            raise UsageError(f"{self.refusal}. The training is saved; to go on: {program()} fit --run {title}{setting}")

    def _rate(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Keep the weights if they are the best; where no metric decides, the newest are."""
        name = self._monitor.name
        if name is not None and name not in metrics:  # it is not logged in each validation
            return
        score = None if name is None else metrics[name]
        if self.best and self.best["monitor"] != name:  # of a run that is resumed with another monitor
            self.best |= {"monitor": name, "score": self.best["metrics"].get(name)}
        when = {"epoch": trainer.current_epoch}
        if not trainer.is_last_batch:  # one of several validations of an epoch
            when["step"] = trainer.global_step
        self._score = {} if name is None else {"monitor": name, "value": score, **when}
        if self._improves(score):
            self.best = {"monitor": name, "score": score, **when, "metrics": metrics}
            self._pending = self._copy(trainer)
            if self._pending is None:
                self.save(trainer, "best")

    def _improves(self, score: float | None) -> bool:
        if score is None:  # no metric decides: the newest is best
            return True
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


def _values(trainer: Trainer) -> dict[str, float]:
    return {name: value.item() for name, value in trainer.callback_metrics.items()}


def best_and_last(trainer: Trainer) -> BestAndLast | None:
    """Return the callback that keeps the checkpoints, None if the settings switch it off."""
    found = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, BestAndLast)]
    return found[0] if found else None
