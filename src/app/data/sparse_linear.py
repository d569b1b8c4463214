"""A linear function of three out of many features: a network that can fit the noise needs regularization."""

from typing import Any

import torch
from torch import Tensor

from app.data.generated import Generated


class SparseLinear(Generated):
    """y = 3 x1 - 2 x2 + x3 + noise: inputs (N, features) from a standard normal distribution, targets (N, 1).

    Args:
        features: Number of features; all but three say nothing about the target.
        noise: Standard deviation of the noise.
    """

    weights = (3.0, -2.0, 1.0)

    def __init__(self, features: int = 20, noise: float = 1.0, train_size: int = 100, **kwargs: Any) -> None:
        super().__init__(train_size, **kwargs)
        self.features = features
        self.noise = noise

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features: x1, x2..."""
        return tuple(f"x{number}" for number in range(1, self.features + 1))

    def draw(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return features and noisy targets."""
        inputs = torch.randn(size, self.features, generator=random)
        noise = self.noise * torch.randn(size, 1, generator=random)
        return inputs, inputs[:, :3] @ torch.tensor(self.weights).unsqueeze(1) + noise
