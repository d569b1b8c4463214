"""y = 3 x + 2 with noise: how much of the scatter should a network not learn?"""

import torch
from torch import Tensor

from app.data.generated import Generated


class Line(Generated):
    """Noisy line: inputs (N, 1) uniform on [0, 10), targets (N, 1) with noise of standard deviation 1.5."""

    feature_names = ("x",)
    slope = 3.0
    intercept = 2.0

    def draw(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return points scattered around the line."""
        inputs = 10 * torch.rand(size, 1, generator=random)
        return inputs, self.truth(inputs) + 1.5 * torch.randn(size, 1, generator=random)

    def truth(self, inputs: Tensor) -> Tensor:
        """Return the line without noise at inputs (N, 1)."""
        return self.slope * inputs + self.intercept
