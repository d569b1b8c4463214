"""How panels look at a training without taking part in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor


class Gathered:
    """Samples of one evaluation, on the CPU, up to a limit."""

    LIMIT = 100_000  # a figure of more shows no more

    def __init__(self) -> None:
        """Start empty."""
        self.parts: list[tuple[Tensor, ...]] = []
        self.count = 0

    def add(self, *columns: Tensor) -> None:
        """Add the columns of a batch, as many rows as there is room for."""
        room = self.LIMIT - self.count
        if room > 0:
            parts = [column[:room].detach().float().cpu() for column in columns]
            finite = torch.stack([part.reshape(len(part), -1).isfinite().all(1) for part in parts]).all(0)
            self.parts.append(tuple(part[finite] for part in parts))
            self.count += len(self.parts[-1][0])

    def take(self) -> list[Tensor]:
        """Return each column whole, and start anew; nothing if no sample was finite, as when training diverges."""
        columns = [torch.cat(parts) for parts in zip(*self.parts, strict=True)] if self.count else []
        self.parts, self.count = [], 0
        return columns


@contextmanager
def undisturbed(task: LightningModule) -> Iterator[None]:
    """Evaluate a task in the middle of training and leave it, and the random numbers, as they were."""
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
            output = output[0] if isinstance(output, tuple) else output  # an LSTM returns its state too
            found[name] = output.detach()

        return hook

    handles = [layer.register_forward_hook(keep(name)) for name, layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
