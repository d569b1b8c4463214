"""Stops a run whose loss is no longer a number."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from app.errors import DivergedError


class StopOnDivergence(Callback):
    """Ends training at the first loss that is NaN or infinite, before the weights take a step on it."""

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Look at the loss of the batch.

        Raises:
            DivergedError: If it is not finite.
        """
        if not torch.isfinite(loss):
            raise DivergedError(
                f"the loss is {loss.item()} in epoch {trainer.current_epoch}, step {trainer.global_step}: training "
                "stopped.\nTry a smaller learning rate, or clip gradients: --trainer.gradient_clip_val 1"
            )
