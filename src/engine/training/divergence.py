"""Divergence: the end of a run whose loss or gradient is no longer finite."""

import math
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from engine.errors import DivergedError


class StopOnDivergence(Callback):
    """Ends training at the first loss that is NaN or infinite, before the weights take a step on it.

    A gradient that is not finite shows in the weights: those are looked at when a loss is not finite, that is with the
    next batch as a rule, and before they are saved, so that none that are not finite ever are.
    """

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Look at the loss of the batch, in all processes: then all of them stop, and none waits."""
        if not trainer.strategy.reduce_boolean_decision(math.isfinite(loss.item()), all=True):
            value = float(trainer.strategy.reduce(loss.detach(), reduce_op="mean"))
            self._stop("loss", value, trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the validation loss: the last step of an epoch may have been the one too many."""
        loss = float(trainer.callback_metrics.get("val/loss", 0.0))
        if not math.isfinite(loss):
            self._stop("validation loss", loss, trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Look at the weights that are about to be saved."""
        if not _finite(pl_module):
            self._stop("", 0.0, trainer, pl_module)

    @staticmethod
    def _stop(name: str, value: float, trainer: Trainer, task: LightningModule) -> None:
        what = f"the {name} is {value}" if _finite(task) else "the gradient of the step before was not finite"
        raise DivergedError(
            f"{what} in epoch {trainer.current_epoch}, step {trainer.global_step}, batch {trainer.fit_loop.batch_idx}:"
            " training stopped.\n"
            "Try a smaller learning rate (--model.optimizer.lr), or clip gradients:"
            " --trainer.gradient_clip_val 1"
        )


def _finite(task: LightningModule) -> bool:
    return all(bool(parameter.detach().isfinite().all()) for parameter in task.parameters())
