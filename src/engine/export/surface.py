"""The surface of a module: the tensor that an exported model takes, and the tensor that it gives."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor, nn

from engine.errors import UsageError
from engine.task import SupervisedTask

# What a task says of its outputs; one that changes another of these must say what the inverse is.
INVERSE = {name: vars(SupervisedTask)[name] for name in ("outputs_of", "predictions", "exported")}


class Surface(nn.Module):
    """A module as it leaves the project, in evaluation: from inputs as people have them to what they read.

    A SupervisedTask says itself what it exports; of any other LightningModule it is what `forward` returns.

    Args:
        module: The module, with its weights.
        images: Whether inputs are images: (B, height, width, channels) outside, (B, channels, height, width) inside.

    Raises:
        UsageError: If the module has no forward.
    """

    def __init__(self, module: LightningModule, images: bool = False) -> None:
        super().__init__()
        self.module = module
        self.images = images
        self.method = "forward" if self.task is None else "outputs"  # gives what loss and metrics take
        if self.task is None and not is_overridden("forward", module):
            name = type(module).__name__
            raise UsageError(f"{name} has no forward: what that returns is what an exported model gives")
        self.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs from outside to what an exported model gives."""
        return self.values(inputs.permute(0, 3, 1, 2) if self.images else inputs)

    def outside(self, inputs: Tensor) -> Tensor:
        """Return inputs of the module as an exported model takes them."""
        return (inputs.permute(0, 2, 3, 1) if self.images else inputs).cpu().contiguous()

    def values(self, inputs: Tensor) -> Tensor:
        """Return what an exported model gives for inputs of the module.

        Raises:
            UsageError: If it is no tensor.
        """
        outputs = self.module(inputs) if self.task is None else self.task.exported(inputs)
        if not isinstance(outputs, Tensor) or outputs.ndim == 0:
            what = "a single number" if isinstance(outputs, Tensor) else f"a {type(outputs).__name__}"
            name = type(self.module).__name__
            raise UsageError(f"{self.method} of {name} returns {what}: an exported model gives one tensor (batch, ...)")
        return (outputs.unsqueeze(1) if outputs.ndim == 1 else outputs).float()

    @property
    def invertible(self) -> bool:
        """Whether it is known what `method` would return for what an exported model gives."""
        changed = {name for name in INVERSE if getattr(type(self.module), name, None) is not INVERSE[name]}
        return self.task is None or not changed or "outputs_of" in changed

    def inverse(self, values: Tensor, method: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        """Return what `method` would for inputs, from what an exported model gives; its own outputs, if not known."""
        if self.task is None:
            outputs = method(inputs)
            return values.reshape(outputs.shape).to(outputs.dtype)
        return self.task.outputs_of(values) if self.invertible else method(inputs)

    @contextmanager
    def replaced(self, function: Callable[..., Any]) -> Iterator[None]:
        """Have calls of `method` run another function, whose first argument is the method itself."""
        setattr(self.module, self.method, partial(function, getattr(self.module, self.method)))
        try:
            yield
        finally:
            delattr(self.module, self.method)

    @property
    def task(self) -> SupervisedTask | None:
        """The module, if it is a task."""
        return self.module if isinstance(self.module, SupervisedTask) else None

    @property
    def name(self) -> str:
        """Name of what an exported model gives."""
        return SupervisedTask.exports if self.task is None else self.task.exports


def is_image(inputs: Tensor) -> bool:
    """Return whether inputs are images as bytes (B, 1 or 3, height, width)."""
    return inputs.dtype == torch.uint8 and inputs.ndim == 4 and inputs.shape[1] in (1, 3)
