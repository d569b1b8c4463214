"""Learning-rate schedules over the whole training: those that PyTorch lacks, and how often each is stepped."""

import functools
import inspect
import math
from collections.abc import Mapping
from typing import Any, Literal

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable
from torch.optim import Optimizer, lr_scheduler

Interval = Literal["step", "epoch"]
# Arguments that are filled in with the length of the training, where their default is None.
LENGTHS = ("total_steps", "T_max", "total_iters")


def build(scheduler: LRSchedulerCallable, optimizer: Optimizer, trainer: Trainer) -> Any:
    """Return a scheduler, with the length of the training where it needs one and none was given.

    Such a length is kept as its attribute `length`, and so in a checkpoint.

    Raises:
        ValueError: If it needs one and training has no end or no step, or it ends before training does.
    """
    name = _lacks(scheduler)
    built = _fill(scheduler, optimizer, trainer, name) if name else scheduler(optimizer)
    if isinstance(built, lr_scheduler.OneCycleLR) and built.total_steps < trainer.estimated_stepping_batches:
        raise ValueError(
            f"OneCycleLR ends after {built.total_steps} steps, training after {trainer.estimated_stepping_batches}; "
            "without total_steps it fits"
        )
    return built


def interval(cls: type) -> Interval:
    """Return how often schedulers of a class are made to be stepped: every batch if they count total_steps."""
    every_batch = issubclass(cls, lr_scheduler.CyclicLR) or "total_steps" in inspect.signature(cls).parameters
    return "step" if every_batch else "epoch"


def stretched(scheduler: Any, state: Mapping[str, Any]) -> str | None:
    """Return in words how the state of a scheduler was made for a training of another length; None if it was not."""
    now = getattr(scheduler, "length", None)
    before = state.get("length", now)
    unit = {"step": "steps", "epoch": "epochs"}[interval(type(scheduler))]
    return None if before == now else f"{type(scheduler).__name__} was made for {before} {unit}, not for {now}"


def _fill(scheduler: LRSchedulerCallable, optimizer: Optimizer, trainer: Trainer, name: str) -> Any:
    length = _epochs(trainer) if interval(_class(scheduler)) == "epoch" else trainer.estimated_stepping_batches
    if not math.isfinite(length):
        raise ValueError("the schedule needs an end: --trainer.max_epochs or --trainer.max_steps")
    if length < 1:
        raise ValueError("training has no step: see trainer.max_steps and trainer.limit_train_batches")
    built: Any = scheduler(optimizer, **{name: int(length)})
    built.length = int(length)
    return built


def _epochs(trainer: Trainer) -> float:
    """Return the number of epochs, whichever limit ends training; the last may be a part."""
    epochs = math.inf if trainer.max_epochs in (None, -1) else float(trainer.max_epochs or 0)
    if trainer.max_steps < 0:
        return epochs
    if trainer.train_dataloader is None:
        trainer.fit_loop.setup_data()
    batches = float(trainer.num_training_batches)
    if not 0 < batches < math.inf:
        return epochs
    return min(epochs, math.ceil(trainer.max_steps / math.ceil(batches / trainer.accumulate_grad_batches)))


def _lacks(scheduler: LRSchedulerCallable) -> str | None:
    """Return which length a partial of a class takes and has not been given, or epochs, which stand for it."""
    if not isinstance(scheduler, functools.partial) or scheduler.keywords.get("epochs"):
        return None
    parameters = inspect.signature(_class(scheduler)).parameters
    open_ones = [name for name in LENGTHS if name in parameters and parameters[name].default is None]
    return next((name for name in open_ones if scheduler.keywords.get(name) is None), None)


def _class(scheduler: LRSchedulerCallable) -> type:
    """Return what a partial builds: jsonargparse's has the class among its arguments."""
    assert isinstance(scheduler, functools.partial)
    return next((part for part in (scheduler.func, *scheduler.args) if isinstance(part, type)), object)
