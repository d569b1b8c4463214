"""Standardization whose statistics are saved with the weights."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Standardizer(nn.Module):
    """Subtracts a mean and divides by a standard deviation per channel (dimension 1); identity until fitted.

    Its statistics are buffers, so a checkpoint holds them: there are no constants to carry around.

    Args:
        mean: Known mean of each channel, instead of fitting.
        std: Known standard deviation of each channel.

    Raises:
        ValueError: If only one of the two is given, their lengths differ or a deviation is not positive.
    """

    mean: Tensor
    std: Tensor
    fitted: Tensor

    def __init__(self, mean: Sequence[float] | None = None, std: Sequence[float] | None = None) -> None:
        super().__init__()
        if (mean is None) != (std is None) or len(mean or ()) != len(std or ()):
            raise ValueError(f"mean and std need one value per channel each: mean={mean}, std={std}")
        if std is not None and min(std) <= 0:
            raise ValueError(f"std must be positive: {std}")
        self.register_buffer("mean", torch.tensor(mean if mean else [0.0]))
        self.register_buffer("std", torch.tensor(std if std else [1.0]))
        self.register_buffer("fitted", torch.tensor(mean is not None))

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> None:
        """Take mean and population standard deviation of each channel from batches (B, C, ...), in double precision.

        A channel that never changes keeps a deviation of 1, so that it maps to 0 instead of infinity.

        Raises:
            ValueError: If there are no batches.
        """
        count, shift, total, squares = 0, None, torch.zeros(()), torch.zeros(())
        for batch in batches:
            values = batch.double().transpose(0, 1).flatten(1)
            # Sums around the first mean seen: squares of large values would lose the small digits of the variance.
            shift = values.mean(1, keepdim=True) if shift is None else shift
            count += values.shape[1]
            total = total + (values - shift).sum(1)
            squares = squares + (values - shift).square().sum(1)
        if shift is None:
            raise ValueError("statistics of no data: the training split is empty")
        mean = shift[:, 0] + total / count
        std = (squares / count - (total / count).square()).clamp_min(0).sqrt()
        self.mean = mean.to(self.mean)
        self.std = torch.where(std > 1e-7 * mean.abs(), std, 1).to(self.std)
        self.fitted.fill_(True)

    def forward(self, values: Tensor) -> Tensor:
        """Standardize (B, C, ...)."""
        mean, std = self._statistics(values)
        return (values - mean).div_(std)  # one tensor less to fill

    def inverse(self, values: Tensor) -> Tensor:
        """Return standardized (B, C, ...) to original units."""
        mean, std = self._statistics(values)
        return values * std + mean

    def _statistics(self, values: Tensor) -> tuple[Tensor, Tensor]:
        if values.ndim == 2:
            return self.mean, self.std
        shape = (-1, *[1] * (values.ndim - 2))
        return self.mean.view(shape), self.std.view(shape)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # The number of channels is known after fitting only: take the shape from the checkpoint.
        for name in ("mean", "std"):
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=self.mean.device))
        super()._load_from_state_dict(state_dict, prefix, *args)
