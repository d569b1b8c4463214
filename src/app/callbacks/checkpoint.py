"""Checkpoints: best.ckpt to evaluate, last.ckpt to resume from."""

import math
import os
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn

from app.errors import AppError, UsageError, nearest
from app.processes import lost


class BestAndLast(Checkpoint):
    """Keeps the best checkpoint by a monitored metric, and the last.

    ModelCheckpoint keeps both too, but saves the last in the middle of the hooks that end an epoch, before schedulers
    have stepped and metrics are logged; what is saved here between two epochs resumes exactly. Files are written
    under another name and then renamed, so that an interrupted write leaves the one before.

    The last epoch is always validated, whatever check_val_every_n_epoch says, so that a run ends with a best.

    Args:
        monitor: Metric that decides which is best; null takes the newest that was validated for the best.
        mode: Whether the least or the greatest value is best.
        every_n_epochs: How often to save the last; by default after each epoch that was validated.
    """

    def __init__(
        self, monitor: str | None = "val/loss", mode: Literal["min", "max"] = "min", every_n_epochs: int | None = None
    ) -> None:
        """Start without a best; the command line says in which folder to save."""
        self.monitor = monitor
        self.mode = mode
        self.every_n_epochs = every_n_epochs
        self.folder: Path | None = None
        self.best: dict[str, Any] = {}
        self._score: dict[str, Any] = {}
        self._validated = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last checkpoint of the epoch before; have the last epoch validated."""
        due = self._validated if self.every_n_epochs is None else trainer.current_epoch % self.every_n_epochs == 0
        self._validated = False
        if due and trainer.current_epoch > 0:
            self._save(trainer, "last")
        if trainer.current_epoch + 1 == trainer.max_epochs and trainer.check_val_every_n_epoch:
            trainer.check_val_every_n_epoch = 1

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
        self._score = {"monitor": monitor, "value": score, "epoch": trainer.current_epoch}
        if self._improves(score):
            self.best = {"monitor": monitor, "score": score, "epoch": trainer.current_epoch, "metrics": metrics}
            self._save(trainer, "best")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Complete the metrics of the best epoch with those of its training."""
        if self.best.get("epoch") == trainer.current_epoch:
            more = {name: value.item() for name, value in trainer.callback_metrics.items()}
            self.best["metrics"] = more | self.best["metrics"]

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last checkpoint."""
        self._save(trainer, "last")

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let a checkpoint say how good it is, and that the epoch before which it is saved has not begun.

        Else Lightning takes the batches of the epoch before for those of the one to come, and skips it on a resume.
        """
        checkpoint["score"] = self._score
        progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]
        if progress["total"]["started"] < progress["total"]["ready"]:
            for counts in progress.values():
                counts["ready"] = counts["started"]

    def state_dict(self) -> dict[str, Any]:
        """Return the best and the newest score, and where they came from."""
        return {"best": self.best, "score": self._score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with the scores of the run so far."""
        self.best, self._score = state_dict["best"], state_dict["score"]

    def _improves(self, score: float) -> bool:
        if not math.isfinite(score):
            return False
        best = self.best.get("score")
        return best is None or self.monitor is None or (score < best if self.mode == "min" else score > best)

    def _save(self, trainer: Trainer, name: str) -> None:
        if self.folder is None:
            return
        path = self.folder / f"{name}.ckpt"
        temporary = path.with_name(f".{name}.ckpt.part")
        try:
            trainer.save_checkpoint(temporary)
            if trainer.is_global_zero:
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
                temporary.replace(path)
        except (OSError, RuntimeError) as error:  # PyTorch's own writer raises RuntimeError
            temporary.unlink(missing_ok=True)
            if lost(error):
                raise
            raise AppError(f"{path} cannot be written: {error}; the one before is kept") from error
        trainer.strategy.barrier("checkpoint renamed")
