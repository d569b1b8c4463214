"""y = sin x over one period on each side of zero."""

import math

import torch
from torch import Tensor

from app.data.generated import Generated


class Sine(Generated):
    """Sine of numbers uniform on [-2 pi, 2 pi): inputs (N, 1) in radians, targets (N, 1)."""

    feature_names = ("x",)
    units = {"x": "rad"}  # noqa: RUF012  # as names are

    def draw(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return angles and their sines."""
        inputs = 4 * math.pi * (torch.rand(size, 1, generator=random) - 0.5)
        return inputs, self.truth(inputs)

    def truth(self, inputs: Tensor) -> Tensor:
        """Return the sines of angles (N, 1)."""
        return inputs.sin()
