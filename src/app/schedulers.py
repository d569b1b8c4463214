"""Learning-rate schedules: one that PyTorch lacks, and how often each is stepped."""

import functools
import inspect
import math
from typing import Any, Literal

from lightning.pytorch.cli import LRSchedulerCallable
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LambdaLR, LRScheduler, OneCycleLR


class WarmupCosine(LambdaLR):
    """Rises linearly to the optimizer's learning rate, then falls along half a cosine; stepped every batch.

    Args:
        optimizer: The optimizer.
        warmup: Share of the steps that rise, in [0, 1).
        floor: Share of the learning rate that is left at the end, in [0, 1].
        total_steps: Optimizer steps of the whole training; filled in.

    Raises:
        ValueError: If the share or the steps make no schedule.
    """

    def __init__(
        self, optimizer: Optimizer, warmup: float = 0.1, floor: float = 0.0, total_steps: int | None = None
    ) -> None:
        """Store the shape."""
        if not 0 <= warmup < 1 or not total_steps:
            raise ValueError(f"no schedule has warmup {warmup} and total_steps {total_steps}")
        self.rise = round(warmup * total_steps)
        self.fall = total_steps - self.rise
        self.floor = floor
        super().__init__(optimizer, self.factor)

    def factor(self, step: int) -> float:
        """Return the share of the learning rate at a step, in (0, 1]."""
        if step < self.rise:
            return (step + 1) / (self.rise + 1)
        cosine = (1 + math.cos(math.pi * min(1.0, (step - self.rise) / self.fall))) / 2
        return self.floor + (1 - self.floor) * cosine


def build(scheduler: LRSchedulerCallable, optimizer: Optimizer, total_steps: float) -> Any:  # noqa: ANN401  # two bases
    """Return a scheduler, with the number of optimizer steps where it needs one and none was given.

    Raises:
        ValueError: If it needs one and training has no end.
    """
    if not _lacks_steps(scheduler):
        return scheduler(optimizer)
    if not math.isfinite(total_steps):
        raise ValueError("the schedule needs an end: --trainer.max_epochs or --trainer.max_steps")
    return scheduler(optimizer, total_steps=int(total_steps))  # type: ignore[call-arg]  # a partial takes more


def interval(scheduler: LRScheduler) -> Literal["step", "epoch"]:
    """Return how often a scheduler is made to be stepped."""
    return "step" if isinstance(scheduler, OneCycleLR | CyclicLR | WarmupCosine) else "epoch"


def _lacks_steps(scheduler: LRSchedulerCallable) -> bool:
    """Say whether a partial of a class takes total_steps and has not been given it, or epochs, which stand for it."""
    if not isinstance(scheduler, functools.partial):
        return False
    cls = next((part for part in (scheduler.func, *scheduler.args) if isinstance(part, type)), None)
    given = scheduler.keywords.get("total_steps") or scheduler.keywords.get("epochs")
    return cls is not None and "total_steps" in inspect.signature(cls).parameters and given is None
