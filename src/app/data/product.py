"""y = x1 * x2, the first function that a network with a hidden layer learns and a linear one cannot."""

import torch
from torch import Tensor

from app.data.generated import Generated


class Product(Generated):
    """Products of two numbers, uniform on [1, 10): inputs (N, 2), targets (N, 1)."""

    feature_names = ("x1", "x2")

    def draw(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return pairs and their products."""
        inputs = 1 + 9 * torch.rand(size, 2, generator=random)
        return inputs, inputs.prod(1, keepdim=True)
