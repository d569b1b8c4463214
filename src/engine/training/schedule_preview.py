"""Preview of a learning-rate schedule: the rate over the whole training, without training."""

import warnings
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from engine import console
from engine.errors import UsageError

ROWS, WIDTH = 24, 40


class Previewed(Exception):
    """The schedule is printed, and nothing is to be trained."""


class SchedulePreview(Callback):
    """Steps the schedules of a training as the Trainer would, prints the learning rate, and ends before the first step.

    A schedule that watches a metric is stepped as if the metric never changed.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print a row for some of the steps, with a bar as long as the rate is high."""
        steps = trainer.estimated_stepping_batches
        if not 0 < steps < float("inf"):
            raise UsageError("the training has no end: --trainer.max_epochs or --trainer.max_steps")
        rates = self._rates(trainer, int(steps))
        places = sorted({round(row * (len(rates) - 1) / (ROWS - 1)) for row in range(ROWS)})
        top = max(rates)
        rows = [[step, rates[step], "█" * round(WIDTH * rates[step] / top) if top else ""] for step in places]
        title = f"learning rate of {type(trainer.optimizers[0]).__name__} over {len(rates)} steps"
        console.table(title, ["step", "learning rate", ""], rows)
        raise Previewed

    @staticmethod
    def _rates(trainer: Trainer, steps: int) -> list[float]:
        optimizer, batches = trainer.optimizers[0], int(trainer.num_training_batches)
        per_epoch = max(1, -(-batches // trainer.accumulate_grad_batches))
        rates = []
        with warnings.catch_warnings(action="ignore"):  # PyTorch misses the optimizer's steps
            for step in range(1, steps + 1):
                rates.append(float(optimizer.param_groups[0]["lr"]))
                for config in trainer.lr_scheduler_configs:
                    if config.interval == "step" or step % (per_epoch * config.frequency) == 0:
                        scheduler: Any = config.scheduler
                        scheduler.step(*([0.0] if config.reduce_on_plateau else []))
        return rates
