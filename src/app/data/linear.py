"""scikit-learn's make_regression: one feature, a known slope and intercept."""

from typing import Any

import torch
from sklearn.datasets import make_regression
from torch import Tensor

from engine.data import InMemory, Split, generator


class Linear(InMemory):
    """100 samples of y = slope x + intercept + noise, split 60 / 20 / 20: inputs (N, 1), targets (N, 1).

    Args:
        noise: Standard deviation of the noise, in units of y.
        intercept: Value of y at x = 0.
        batch_size: Samples in a training batch.
    """

    feature_names = ("x",)

    def __init__(self, noise: float = 10.0, intercept: float = 14.5, batch_size: int = 16, **kwargs: Any) -> None:
        super().__init__(batch_size, **kwargs)
        self.noise = noise
        self.intercept = intercept
        self.slope = float("nan")

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Draw all samples, which also tells the true slope, and take those of a split."""
        x, y, slope = make_regression(
            n_samples=100, n_features=1, noise=self.noise, bias=self.intercept, random_state=3, coef=True
        )
        self.slope = float(slope)
        order = torch.randperm(100, generator=generator(0))
        chosen = {"train": order[:60], "val": order[60:80], "test": order[80:]}[split]
        return torch.tensor(x, dtype=torch.float32)[chosen], torch.tensor(y, dtype=torch.float32)[chosen].unsqueeze(1)

    def truth(self, inputs: Tensor) -> Tensor:
        """Return the line without noise at inputs (N, 1)."""
        return self.slope * inputs + self.intercept
