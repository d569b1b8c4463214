"""Is x above zero? The smallest classification there is."""

import torch
from torch import Tensor

from app.data.generated import Generated


class Threshold(Generated):
    """Numbers x ~ N(0, 1), inputs (N, 1), and whether x > 0, labels (N,)."""

    feature_names = ("x",)
    class_names = ("0", "1")
    boundary = 0.0

    def draw(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return numbers and their labels."""
        inputs = torch.randn(size, 1, generator=random)
        return inputs, (inputs[:, 0] > self.boundary).long()
