"""An epoch of a task: its random numbers, its running mean and metrics, and the weight of a process' shard."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torchmetrics import MetricCollection

from engine.data.loader import TensorLoader, epoch_seed


def seed_epoch(task: LightningModule, seed: int) -> None:
    """Make the random numbers of an epoch, for dropout and augmentation, a function of seed, epoch and process."""
    value = epoch_seed(seed, task.current_epoch, task.global_rank)
    # Not torch.manual_seed: without a GPU it keeps every call, to repeat it should a GPU be used one day.
    torch.default_generator.manual_seed(value)
    if task.device.type == "cuda":
        torch.cuda.manual_seed(value)


def shard_weight(trainer: Trainer, batch_idx: int) -> float:
    """Return the factor for the mean loss over this process' shard of a batch, since gradients are averaged."""
    loader = trainer.train_dataloader
    return loader.weight(batch_idx) if isinstance(loader, TensorLoader) else 1.0


class Mean:
    """Running mean of losses over samples, one addition a batch."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.total = torch.zeros((), device=device)
        self.samples = 0

    def add(self, loss: Tensor, samples: int) -> None:
        """Add the mean loss of some samples."""
        self.total.add_(loss, alpha=samples)
        self.samples += samples

    def mean(self, trainer: Trainer) -> Tensor:
        """Return the mean over the samples of all processes."""
        if trainer.world_size == 1:
            return self.total / self.samples
        sums = torch.stack([self.total, torch.tensor(self.samples).to(self.total)])
        total, samples = trainer.strategy.reduce(sums, reduce_op="sum")
        mean: Tensor = total / samples
        return mean

    def state_dict(self) -> dict[str, Any]:
        """Return the sums, so that a mid-epoch resume continues them."""
        return {"sum": self.total, "samples": self.samples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the sums."""
        self.total, self.samples = state["sum"], state["samples"]

    def to(self, device: torch.device) -> None:
        """Move the sums."""
        self.total = self.total.to(device)


def metrics_state(metrics: MetricCollection | None) -> dict[str, Any]:
    """Return the states of metrics, so that a mid-epoch resume continues them."""
    return {} if metrics is None else {name: dict(metric.metric_state) for name, metric in metrics.items(True)}


def load_metrics_state(metrics: MetricCollection | None, state: dict[str, Any], device: torch.device) -> None:
    """Restore the states of metrics."""
    for name, metric in metrics.items(True) if metrics is not None else ():
        for part, value in state.get(name, {}).items():
            setattr(metric, part, value.to(device))
