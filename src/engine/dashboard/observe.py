"""Observing a training: a buffer of evaluated samples, evaluation without side effects, outputs of layers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from engine.errors import UsageError, nearest
from engine.lazy import optional


class SampleBuffer:
    """Samples of one evaluation, on the CPU, up to a limit."""

    LIMIT = 100_000  # a figure of more shows no more

    def __init__(self) -> None:
        self.parts: list[tuple[Tensor, ...]] = []
        self.count = 0

    def add(self, *columns: Tensor) -> None:
        """Add the columns of a batch, as many rows as there is room for; rows that are not finite are left out."""
        room = self.LIMIT - self.count
        if room > 0:
            parts = [column[:room].detach().float().cpu() for column in columns]
            finite = torch.stack([part.reshape(len(part), -1).isfinite().all(1) for part in parts]).all(0)
            self.parts.append(tuple(part[finite] for part in parts))
            self.count += len(self.parts[-1][0])

    def take(self) -> list[Tensor]:
        """Return each column of all samples and clear the buffer; an empty list if there are no samples."""
        columns = [torch.cat(parts) for parts in zip(*self.parts, strict=True)] if self.count else []
        self.parts, self.count = [], 0
        return columns


@contextmanager
def evaluating(task: LightningModule) -> Iterator[None]:
    """Evaluate a task during training: afterwards its modes and the random numbers are as before."""
    modes = {module: module.training for module in task.modules()}
    devices = [task.device] if task.device.type == "cuda" else []
    task.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices):
            yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def outputs_of(layers: Sequence[tuple[str, torch.nn.Module]]) -> Iterator[dict[str, Tensor]]:
    """Collect what layers return, by name, while the context is open."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: torch.nn.Module, inputs: Any, output: Any) -> None:
            output = output[0] if isinstance(output, tuple) and output else output  # an LSTM returns its state too
            if isinstance(output, Tensor):
                found[name] = output.detach()

        return hook

    handles = [layer.register_forward_hook(keep(name)) for name, layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def named_layers(task: torch.nn.Module, chosen: Sequence[str] | None) -> dict[str, torch.nn.Module]:
    """Return the layers of the network of a task by name, the chosen ones or all; those of a compiled one run no hooks.

    Raises:
        UsageError: If a layer does not exist.
    """
    network = getattr(task, "network", None)
    network = network if isinstance(network, torch.nn.Module) else task  # its name, perhaps
    patches = optional("engine.patches")
    if patches is not None and patches.is_compiled(network):
        return {}
    layers = dict(network.named_modules())
    for name in chosen or ():
        if name not in layers:
            known = ", ".join(filter(None, layers))
            raise UsageError(f"the network has no layer {name}{nearest(name, layers)} ({known})")
    return layers if chosen is None else {name: layers[name] for name in chosen}
