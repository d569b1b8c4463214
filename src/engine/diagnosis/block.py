"""Block of steps: sums of their losses, from which come mean and standard error."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

BUFFERED = 1000  # losses on a GPU that wait to be added at once: each number from there would wait for it


class Block:
    """Sums over the losses of a block; the same wherever a checkpoint is written in between."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        state = state or {}
        self.sum = float(state.get("sum") or 0.0)
        self.squares = float(state.get("squares", 0.0))
        self.count = int(state.get("count", state.get("in_block", 0)))
        self._buffer: list[Tensor] = []

    def add(self, loss: Tensor) -> None:
        """Add the loss of a step, a tensor of one element."""
        if loss.is_cpu:
            self._add(loss.item())
        else:
            self._buffer.append(loss.detach().reshape(()))
            if len(self._buffer) == BUFFERED:
                self.flush()

    def flush(self) -> None:
        """Add what waits, one after the other."""
        if self._buffer:
            for loss in torch.stack(self._buffer).tolist():
                self._add(loss)
            self._buffer = []

    def mean_and_error(self) -> tuple[float, float]:
        """Return the mean of the losses and its standard error, zeros if there are none."""
        self.flush()
        count = max(1, self.count)
        mean = self.sum / count
        return mean, (max(0.0, self.squares / count - mean * mean) / count) ** 0.5

    def state(self) -> dict[str, Any]:
        """Return the sums as plain values."""
        self.flush()
        return {"sum": self.sum, "squares": self.squares, "count": self.count}

    def _add(self, loss: float) -> None:
        self.sum += loss
        self.squares += loss * loss
        self.count += 1
