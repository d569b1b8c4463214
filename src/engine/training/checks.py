"""Checks of what is only known once everything is built, or once an epoch is trained."""

import math
import warnings
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from engine.errors import UsageError, nearest
from engine.logs.metric_names import misspelt
from engine.project import program
from engine.runs.checkpoint_file import Saved
from engine.training.best_and_last import best_and_last
from engine.training.schedules import stretched


class Monitors(Callback):
    """Checks the names of the metrics that early stopping and schedules monitor.

    A misspelt name of a validation metric is found after the sanity check. Any other may be logged in training, and is
    known once an epoch has ended: where nothing logs it, the training is saved, and ends with an error.
    """

    def __init__(self) -> None:
        self._lenient: list[Any] = []  # what is not strict until the first epoch has ended
        self._validated = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have Lightning pass over what is missing: it would end the training where nothing can be saved."""
        self._validated = not trainer.enable_validation
        self._lenient = _strict(trainer)
        for each in self._lenient:
            each.strict = False
        if self._lenient:  # the error of _check says it
            warnings.filterwarnings("ignore", message=".*conditioned on metric .* not available")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find misspelt names."""
        self._validated = True
        names = list(trainer.callback_metrics)
        for watcher in _strict(trainer) if trainer.sanity_checking else ():
            if watcher.monitor not in names and (near := misspelt(watcher.monitor, names)):
                raise _unknown(watcher, names, f"; did you mean {near}?")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the names once an epoch is trained and validated."""
        if trainer.callback_metrics:
            self._check(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the names."""
        self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        watchers, names = self._lenient if self._validated else [], list(trainer.callback_metrics)
        for watcher in watchers:
            watcher.strict = True
            if watcher.monitor not in names:
                error = _unknown(watcher, names, nearest(watcher.monitor, names))
                if (checkpoints := best_and_last(trainer)) is None:
                    raise error
                checkpoints.refuse(error)
        if watchers:
            self._lenient = []


def _strict(trainer: Trainer) -> list[Any]:
    """Return early stopping and the settings of schedules whose metric must be there."""
    plateaus = [config for config in trainer.lr_scheduler_configs if config.reduce_on_plateau]
    stops = [callback for callback in trainer.early_stopping_callbacks if isinstance(callback, EarlyStopping)]
    watchers: list[Any] = [*stops, *plateaus]
    return [watcher for watcher in watchers if watcher.strict]


def _unknown(watcher: Any, names: list[str], hint: str) -> UsageError:
    name = type(getattr(watcher, "scheduler", watcher)).__name__
    return UsageError(f"no metric {watcher.monitor} for {name}{hint} ({', '.join(names)})")


class LoggingInterval(Callback):
    """Has what is logged every step written once an epoch at least, where the settings leave log_every_n_steps open."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shorten Lightning's 50 steps to an epoch; one of unknown length may be short."""
        known = math.isfinite(trainer.num_training_batches)
        steps = trainer.num_training_batches // trainer.accumulate_grad_batches if known else 10
        settings: Any = trainer  # which has the attribute, and no type for it
        limits = [settings.log_every_n_steps, steps, *([trainer.max_steps] if trainer.max_steps > 0 else [])]
        settings.log_every_n_steps = max(1, int(min(limits)))


class SameLength(Callback):
    """Refuses to resume a schedule that was made for a training of another length: its state would undo the new one."""

    def __init__(self, saved: Saved, title: str) -> None:
        self.saved = saved
        self.title = title

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the schedules just built with those that are about to be restored."""
        states = self.saved.content.get("lr_schedulers", [])
        for config, state in zip(trainer.lr_scheduler_configs, states, strict=False):
            if words := stretched(config.scheduler, state):
                raise UsageError(
                    f"{words}, and its state in {self.title} cannot be stretched.\n"
                    f"To start a new run from its weights: {program()} fit --init_from {self.title} ..."
                )
