"""What a network found out, beside what is known: a line's coefficients, a threshold's place."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import Dataset

from app.tasks.base import batches


class Coefficients(Callback):
    """Logs slope and intercept of a linear model of one feature in original units, as test metrics.

    Beside them are the least-squares solution on the training split and, where the data module knows it, the truth.
    """

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the coefficients off two predictions."""
        data = trainer.datamodule  # type: ignore[attr-defined]  # set at run time
        data.setup("fit")
        x, y = (tensor.double() for tensor in data.splits["train"].tensors)
        at_zero, at_one = pl_module(torch.tensor([[0.0], [1.0]], device=pl_module.device))[:, 0].tolist()
        design = torch.cat([x, torch.ones_like(x)], 1)
        slope, intercept = torch.linalg.lstsq(design, y).solution[:, 0].tolist()
        pl_module.log_dict(
            {
                "test/slope": at_one - at_zero,
                "test/intercept": at_zero,
                "test/least_squares_slope": slope,
                "test/least_squares_intercept": intercept,
                "test/true_slope": data.slope,
                "test/true_intercept": data.intercept,
            }
        )


class LossRatio(Callback):
    """Logs the mean training loss over the mean validation loss as a test metric: 1 if both splits are as well known.

    Both are computed anew with the weights under test and without dropout, unlike the losses of the last epoch.
    """

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Score both splits."""
        data = trainer.datamodule  # type: ignore[attr-defined]  # set at run time
        data.setup("fit")
        train, val = (self._mean_loss(pl_module, data.splits[split]) for split in ("train", "val"))
        pl_module.log("test/loss_ratio", train / val)

    @staticmethod
    def _mean_loss(task: Any, dataset: Dataset[Any]) -> Tensor:  # noqa: ANN401  # a SupervisedTask
        total, count = torch.zeros((), device=task.device), 0
        for batch in batches(dataset):
            inputs, targets = (part.to(task.device) for part in batch)
            total += task.loss(task.outputs(inputs), targets) * len(targets)
            count += len(targets)
        return total / count


class Boundary(Callback):
    """Logs the input at which a classifier of one feature changes its mind, as a test metric, and how far off it is.

    Args:
        low: Where to begin to look.
        high: Where to end.
    """

    def __init__(self, low: float = -3.0, high: float = 3.0) -> None:
        """Store the range."""
        self.low = low
        self.high = high

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find P(1) = 0.5 on a fine grid, between whose points the log-odds are taken as straight."""
        data = trainer.datamodule  # type: ignore[attr-defined]  # set at run time
        x = torch.linspace(self.low, self.high, 10_001, device=pl_module.device)
        logits = pl_module(x.unsqueeze(1))
        odds = logits[:, 1] - logits[:, 0]
        changes = torch.nonzero(odds[:-1].sign() != odds[1:].sign())[:, 0]
        boundary = torch.tensor(float("nan"))
        if len(changes):
            left = changes[odds[changes].abs().argmin()]
            boundary = x[left] + (x[left + 1] - x[left]) * odds[left] / (odds[left] - odds[left + 1])
        pl_module.log_dict({"test/boundary": boundary, "test/boundary_error": (boundary - data.boundary).abs()})
