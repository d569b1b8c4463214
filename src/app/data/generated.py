"""Data drawn at random from a known function: each split from a seed of its own, the same in every run."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from engine import check_range
from engine.data import InMemory, Split, generator

SEEDS: dict[Split, int] = {"train": 0, "val": 1, "test": 2}


class Generated(InMemory):
    """Samples of a function; a subclass says which.

    Args:
        train_size: Samples to train on.
        val_size: Samples to validate on.
        test_size: Samples to test on.
        batch_size: Samples in a training batch.

    Raises:
        ValueError: If a size is not positive.
    """

    def __init__(
        self, train_size: int = 1000, val_size: int = 200, test_size: int = 200, batch_size: int = 100, **kwargs: Any
    ) -> None:
        super().__init__(batch_size, **kwargs)
        self.sizes: dict[Split, int] = {"train": train_size, "val": val_size, "test": test_size}
        for split, size in self.sizes.items():
            check_range(f"{split}_size", size, 1)

    @abstractmethod
    def draw(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return inputs (size, ...) and targets (size, ...), drawn with a generator."""

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Draw a split from its own seed."""
        return self.draw(self.sizes[split], generator(SEEDS[split]))
