"""Checkpoints: best.ckpt to evaluate, last.ckpt to resume from."""

import os
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from app.errors import UsageError


class BestAndLast(Checkpoint):
    """Keeps the best checkpoint by a monitored metric, and the last.

    ModelCheckpoint keeps both too, but saves the last in the middle of the hooks that end an epoch, before schedulers
    have stepped and metrics are logged; what is saved here between two epochs resumes exactly. Files are written
    under another name and then renamed, so that an interrupted write leaves the one before.

    Args:
        monitor: Metric that decides which is best.
        mode: Whether the least or the greatest value is best.
        every_n_epochs: How often to save the last; by default after each epoch that was validated.
    """

    def __init__(
        self, monitor: str = "val/loss", mode: Literal["min", "max"] = "min", every_n_epochs: int | None = None
    ) -> None:
        """Start without a best."""
        self.monitor = monitor
        self.mode = mode
        self.every_n_epochs = every_n_epochs
        self.folder: Path | None = None
        self.best: dict[str, Any] = {}
        self._score: dict[str, Any] = {}
        self._validated = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last checkpoint of the epoch before; validate the last epoch, so that every run has a best."""
        if self._due(trainer):
            self._save(trainer, "last")
        if trainer.current_epoch + 1 == trainer.max_epochs and trainer.check_val_every_n_epoch:
            trainer.check_val_every_n_epoch = 1

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that there is a fresh score."""
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the best checkpoint, if this is one."""
        if not self._validated or trainer.sanity_checking:
            return
        metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
        if self.monitor not in metrics:
            raise UsageError(f"the checkpoint callback cannot monitor {self.monitor}: there are {', '.join(metrics)}")
        score = metrics[self.monitor]
        self._score = {"monitor": self.monitor, "value": score, "epoch": trainer.current_epoch}
        if not self.best or (score < self.best["score"] if self.mode == "min" else score > self.best["score"]):
            self.best = {"monitor": self.monitor, "score": score, "epoch": trainer.current_epoch, "metrics": metrics}
            self._save(trainer, "best")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last checkpoint."""
        self._save(trainer, "last")

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let a checkpoint say how good it is."""
        checkpoint["score"] = self._score

    def state_dict(self) -> dict[str, Any]:
        """Return the best score so far and where it came from."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with the best of the run so far."""
        self.best = state_dict["best"]

    def _due(self, trainer: Trainer) -> bool:
        if self.every_n_epochs is not None:
            return trainer.current_epoch > 0 and trainer.current_epoch % self.every_n_epochs == 0
        due, self._validated = self._validated, False
        return due

    def _save(self, trainer: Trainer, name: str) -> None:
        if self.folder is None:
            return
        path = self.folder / f"{name}.ckpt"
        temporary = path.with_name(f".{name}.ckpt.part")
        trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        trainer.strategy.barrier("checkpoint renamed")
