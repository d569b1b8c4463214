"""Probes: test metrics of single data sets, such as a line's coefficients or a threshold's place."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule
from torch import Tensor

from engine import UsageError
from engine.data import batches


class Coefficients(Callback):
    """Logs slope and intercept of a linear model of one feature in original units, as test metrics.

    Beside them are the least-squares solution on the training split and, where the data module knows it, the truth.
    """

    def on_fit_start(self, trainer: Any, pl_module: LightningModule) -> None:
        """Refuse a task that has no slope, before it is trained.

        Raises:
            UsageError: If it has not one feature and one prediction, or predictions are not on a line.
        """
        training = pl_module.training
        _line(trainer.datamodule, pl_module.eval())
        pl_module.train(training)

    def on_test_epoch_end(self, trainer: Any, pl_module: LightningModule) -> None:
        """Read the coefficients off two predictions."""
        data = trainer.datamodule
        x, y, slope, intercept = _line(data, pl_module)
        squares = torch.linalg.lstsq(torch.cat([x, torch.ones_like(x)], 1), y).solution[:, 0].tolist()
        lines = {"": (slope, intercept), "least_squares_": squares}
        if hasattr(data, "slope") and hasattr(data, "intercept"):
            lines["true_"] = (data.slope, data.intercept)
        for name, (slope, intercept) in lines.items():
            pl_module.log_dict({f"test/{name}slope": slope, f"test/{name}intercept": intercept}, sync_dist=True)


@torch.no_grad()
def _line(data: Any, task: LightningModule) -> tuple[Tensor, Tensor, float, float]:
    """Return inputs and targets of the training split, (N, 1) each, and slope and intercept of a task."""
    data.setup("fit")
    x, y = (torch.cat(parts).double() for parts in zip(*batches(data.train_dataloader()), strict=True))
    if x.shape[1:] != (1,) or y.shape[1:] != (1,):
        raise UsageError(f"Coefficients: a line has one feature and one target, not {x.shape[1]} and {y[0].numel()}")
    # Between the ends of the data: far from 0, a slope between 0 and 1 would be lost in rounding.
    places = torch.cat([torch.stack([x.min(), x.max()]), torch.arange(3), x[:, 0]])
    found = task(places.float().to(task.device).unsqueeze(1))[:, 0].double().cpu()
    slope = float((found[1] - found[0]) / (places[1] - places[0]))
    intercept = float(found[0] - slope * places[0])
    error = (found - (intercept + slope * places)).abs().max()
    if error > 1e-3 * found.abs().max():
        raise UsageError("Coefficients: predictions are not on a line, so that they have no slope: hidden_features []")
    return x, y, slope, intercept


class LossRatio(Callback):
    """Logs the mean training loss over the mean validation loss as a test metric: 1 if both splits fit equally well.

    Both are computed anew with the weights under test and without dropout, unlike the losses of the last epoch.
    """

    def on_test_epoch_end(self, trainer: Any, pl_module: LightningModule) -> None:
        """Score both splits."""
        data = trainer.datamodule
        data.setup("fit")
        train, val = (self._mean_loss(pl_module, load()) for load in (data.train_dataloader, data.val_dataloader))
        pl_module.log("test/loss_ratio", train / val, sync_dist=True)

    @staticmethod
    def _mean_loss(task: Any, loader: Any) -> Tensor:
        total, count = torch.zeros((), device=task.device), 0
        for batch in batches(loader):
            inputs, targets = (part.to(task.device) for part in batch)
            total += task.loss(task.outputs(inputs), targets) * len(targets)
            count += len(targets)
        return total / count


class Boundary(Callback):
    """Logs the decision boundary of a classifier of one feature as a test metric, and its error where it is known.

    Args:
        low: Lower end of the searched range.
        high: Upper end.
    """

    def __init__(self, low: float = -3.0, high: float = 3.0) -> None:
        self.low = low
        self.high = high

    def on_test_epoch_end(self, trainer: Any, pl_module: LightningModule) -> None:
        """Find P(1) = 0.5 on a fine grid, between whose points the log-odds are taken as straight."""
        x = torch.linspace(self.low, self.high, 10_001, device=pl_module.device)
        logits = pl_module(x.unsqueeze(1))
        odds = logits[:, 1] - logits[:, 0]
        changes = torch.nonzero(odds[:-1].sign() != odds[1:].sign())[:, 0]
        boundary = torch.tensor(float("nan"))
        if len(changes):
            left = changes[odds[changes].abs().argmin()]
            boundary = x[left] + (x[left + 1] - x[left]) * odds[left] / (odds[left] - odds[left + 1])
        found = {"test/boundary": boundary}
        if hasattr(trainer.datamodule, "boundary"):
            found["test/boundary_error"] = (boundary - trainer.datamodule.boundary).abs()
        pl_module.log_dict(found, sync_dist=True)
