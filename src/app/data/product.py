"""y = x1 * x2, the first function that a network with a hidden layer learns and a linear one cannot."""

import torch
from torch import Tensor

from app.data.memory import InMemory, Split, generator


class Product(InMemory):
    """Products of two numbers, uniform on [1, 10): inputs (N, 2), targets (N, 1).

    Args:
        train_size: Samples to train on.
        val_size: Samples to validate on.
        test_size: Samples to test on.
        batch_size: Samples in a batch.
    """

    feature_names = ("x1", "x2")

    def __init__(
        self, train_size: int = 1000, val_size: int = 200, test_size: int = 200, batch_size: int = 100
    ) -> None:
        """Store the arguments."""
        super().__init__(batch_size)
        self.sizes: dict[Split, int] = {"train": train_size, "val": val_size, "test": test_size}

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Draw a split from its own seed."""
        seeds: dict[Split, int] = {"train": 0, "val": 1, "test": 2}
        inputs = 1 + 9 * torch.rand(self.sizes[split], 2, generator=generator(seeds[split]))
        return inputs, inputs.prod(1, keepdim=True)
