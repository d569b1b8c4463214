"""Stops a run whose loss is no longer a number."""

import math

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from app.errors import DivergedError


class StopOnDivergence(Callback):
    """Ends training at the first loss that is NaN or infinite, before the weights take a step on it."""

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Look at the loss of the batch.

        Raises:
            DivergedError: If it is not finite, in this process or in another: all of them stop, and none waits.
        """
        if not trainer.strategy.reduce_boolean_decision(math.isfinite(loss.item()), all=True):
            self._stop("loss", float(trainer.strategy.reduce(loss.detach(), reduce_op="mean")), trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the validation loss: the last step of an epoch may have been the one too many.

        Raises:
            DivergedError: If it is not finite.
        """
        loss = float(trainer.callback_metrics.get("val/loss", 0.0))
        if not math.isfinite(loss):
            self._stop("validation loss", loss, trainer)

    @staticmethod
    def _stop(name: str, value: float, trainer: Trainer) -> None:
        raise DivergedError(
            f"the {name} is {value} in epoch {trainer.current_epoch}, step {trainer.global_step}: training stopped.\n"
            "Try a smaller learning rate, or clip gradients: --trainer.gradient_clip_val 1"
        )
