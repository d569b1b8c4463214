"""Checks before training, of what is only known once everything is built."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from engine.errors import UsageError, nearest
from engine.project import program
from engine.runs.checkpoint_file import Saved
from engine.training.schedules import stretched


class Monitors(Callback):
    """Checks the names of the metrics that early stopping and schedules monitor, after the sanity check."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare names; those of training metrics are known only when an epoch ends."""
        if not trainer.sanity_checking:
            return
        stops = [c for c in trainer.early_stopping_callbacks if isinstance(c, EarlyStopping) and c.strict]
        watched = [(type(stop).__name__, stop.monitor) for stop in stops]
        schedules = [config for config in trainer.lr_scheduler_configs if config.reduce_on_plateau]
        watched += [(type(schedule.scheduler).__name__, str(schedule.monitor)) for schedule in schedules]
        names = [*trainer.callback_metrics, "train/loss"]
        for watcher, name in watched:
            if name not in names and not name.startswith("train/"):
                raise UsageError(f"no metric {name} for {watcher}{nearest(name, names)} ({', '.join(names)})")


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
