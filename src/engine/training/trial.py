"""Trial of a network on two samples, before any time is spent on training."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from engine.errors import CommandError, UsageError


@contextmanager
def evaluating(task: LightningModule) -> Iterator[None]:
    """Evaluate a task in the middle of something else, and leave it and the random numbers as they were."""
    modes = {module: module.training for module in task.modules()}
    task.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng([task.device] if task.device.type == "cuda" else []):
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def try_out(task: Any, data: Any, batch: list[Tensor]) -> None:
    """Compute the loss of two samples, as they are and augmented.

    Args:
        task: A SupervisedTask.
        data: Its data module.
        batch: Inputs (2, ...) and targets (2, ...).

    Raises:
        UsageError: If it fails, and the settings of the network contradict the data; else the error is the owner's bug,
            and is raised as it is.
    """
    batch = [part.to(task.device) for part in batch]
    shapes = " and ".join(str(tuple(part.shape)) for part in batch)
    inputs, targets = batch
    what = f"inputs and targets {shapes}"
    try:
        with evaluating(task):
            task.loss(task.outputs(inputs), targets)
            inputs, targets = data.on_after_batch_transfer(batch, 0)
            what = f"augmented inputs {tuple(inputs.shape)}"
            task.loss(task.outputs(inputs), targets)
    except CommandError:
        raise
    except Exception as error:
        if found := contradictions(task.hparams.get("network"), data, inputs):
            raise UsageError(f"the network does not fit the data, {what}: {'; '.join(found)}") from error
        error.add_note(f"This was a trial of the network before training, with {what}.")
        raise


def contradictions(network: Any, data: Any, inputs: Tensor) -> list[str]:
    """Return in words which sizes in the settings of a network, {class_path, init_args}, differ from the data's."""
    settings = network.get("init_args", {}) if isinstance(network, Mapping) else {}
    facts = {name: getattr(data, name) for name in getattr(data, "facts", ())} | {"in_features": inputs[0].numel()}
    if inputs.ndim == 4:
        facts |= {"in_channels": inputs.shape[1], "image_size": inputs.shape[2]}
    return [
        f"model.network.{name} is {settings[name]}, that of the data is {fact}"
        for name, fact in facts.items()
        if isinstance(fact, int) and settings.get(name) not in (None, fact)
    ]
