"""Learning-rate schedules: the total steps of the training filled in, and how often each is stepped."""

import functools
import inspect
import math
from collections.abc import Mapping
from typing import Any, Literal

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable
from torch.optim import Optimizer, lr_scheduler


def build(scheduler: LRSchedulerCallable, optimizer: Optimizer, trainer: Trainer) -> Any:
    """Return a scheduler, with the optimizer steps of the training as `total_steps` if it was given no length.

    A length that was filled in is kept as its attribute `length`, and so in a checkpoint.

    Raises:
        ValueError: If it needs a length and training has no end or no step, or it ends before training does.
    """
    built: Any
    if not _lacks_steps(scheduler):
        built = scheduler(optimizer)
        if isinstance(built, lr_scheduler.OneCycleLR) and built.total_steps < trainer.estimated_stepping_batches:
            ends = f"{built.total_steps} steps, training after {trainer.estimated_stepping_batches}"
            raise ValueError(f"OneCycleLR ends after {ends}; without total_steps it fits")
        return built
    steps = trainer.estimated_stepping_batches
    if not math.isfinite(steps):
        raise ValueError("the schedule needs an end: --trainer.max_epochs or --trainer.max_steps")
    if steps < 1:
        raise ValueError("training has no step: see trainer.max_steps and trainer.limit_train_batches")
    built = scheduler(optimizer, total_steps=int(steps))  # type: ignore[call-arg]  # a partial of a class
    built.length = int(steps)
    return built


def interval(cls: type) -> Literal["step", "epoch"]:
    """Return how often schedulers of a class are stepped: every batch if they count total_steps, else every epoch."""
    every_batch = issubclass(cls, lr_scheduler.CyclicLR) or "total_steps" in inspect.signature(cls).parameters
    return "step" if every_batch else "epoch"


def stretched(scheduler: Any, state: Mapping[str, Any]) -> str | None:
    """Return in words that a scheduler's state was made for a training of another length; None if it was not."""
    now = getattr(scheduler, "length", None)
    before = state.get("length", now)
    return None if before == now else f"{type(scheduler).__name__} was made for {before} steps, not for {now}"


def _lacks_steps(scheduler: LRSchedulerCallable) -> bool:
    """Return whether a partial takes total_steps and was given neither them nor epochs, which stand for them."""
    if not isinstance(scheduler, functools.partial):
        return False
    # jsonargparse's partial has the class among its arguments.
    cls = next((part for part in (scheduler.func, *scheduler.args) if isinstance(part, type)), object)
    total = inspect.signature(cls).parameters.get("total_steps")
    given = scheduler.keywords.get("total_steps") or scheduler.keywords.get("epochs")
    return total is not None and total.default is None and not given
