"""Logs learning rates."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class LearningRate(Callback):
    """Logs the learning rate that each epoch begins with, as `lr-Adam`, `lr-SGD`...; a further group's as `lr-Adam/1`.

    Lightning's LearningRateMonitor, which can log each step's as well, is called in every step even where it does not.
    """

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the rate of each group of parameters."""
        rates = {}
        for optimizer in trainer.optimizers:
            for number, group in enumerate(optimizer.param_groups):
                name = f"lr-{type(optimizer).__name__}"
                rates[f"{name}/{number}" if number else name] = float(group["lr"])
        for logger in trainer.loggers:
            logger.log_metrics(rates, step=trainer.fit_loop.epoch_loop._batches_that_stepped)
        trainer.callback_metrics.update({name: torch.tensor(rate) for name, rate in rates.items()})
