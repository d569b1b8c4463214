"""No data: one empty sample, for a task that needs none. An epoch is one step."""

from typing import Any

import torch
from torch import Tensor

from engine.data import InMemory, Split


class NoData(InMemory):
    """One sample without a number, to train on and to test on: inputs (1, 0), targets (1,)."""

    def __init__(self, batch_size: int = 1, **kwargs: Any) -> None:
        super().__init__(batch_size, **kwargs)

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return the sample."""
        return torch.zeros(1, 0), torch.zeros(1, dtype=torch.long)

    def has(self, split: Split) -> bool:
        """Return whether it is a split to train on or to test on: there is nothing to validate."""
        return split != "val"
