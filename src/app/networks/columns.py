"""Columns of a table as a network takes them: gaps are filled and flagged, numbers standardized."""

from collections.abc import Iterable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from app.networks.standardizer import Standardizer

Impute = Literal["none", "median", "most_frequent"]


class Columns(nn.Module):
    """Maps raw columns (B, columns) to numbers without gaps (B, width), as fitted on the training split.

    A gap is NaN. Flags tell the network where one was, in columns that had gaps in the training split. What was fitted
    is in buffers, so a checkpoint holds it.

    Args:
        numbers: Places of the columns that hold numbers.
        impute: What fills gaps; with "none" there are no gaps, and no flags.
    """

    places: Tensor
    fill: Tensor
    flagged: Tensor

    def __init__(self, numbers: Sequence[int], impute: Impute = "none") -> None:
        super().__init__()
        self.impute = impute
        self.width = len(numbers) * (1 if impute == "none" else 2)
        self.standardizer = Standardizer()
        self.register_buffer("places", torch.tensor(numbers, dtype=torch.long), persistent=False)
        self.register_buffer("fill", torch.zeros(len(numbers)))
        self.register_buffer("flagged", torch.zeros(len(numbers), dtype=torch.bool))

    @property
    def fitted(self) -> Tensor:
        """Whether what fills gaps and what standardizes is known."""
        return self.standardizer.fitted

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> None:
        """Find what fills gaps, and the standardization of the filled numbers, in batches (B, columns)."""
        values = torch.cat(list(batches)).cpu()[:, self.places.cpu()]
        gaps = values.isnan()
        middle = most_frequent if self.impute == "most_frequent" else median
        fill = torch.tensor([middle(column[~gap]) for column, gap in zip(values.T, gaps.T, strict=True)])
        self.standardizer.fit([torch.where(gaps, fill, values)])
        self.fill, self.flagged = fill.to(self.fill), gaps.any(0).to(self.flagged)

    def forward(self, inputs: Tensor) -> Tensor:
        """Fill and standardize the numbers of raw columns (B, columns), and add the flags."""
        values = inputs[:, self.places]
        if self.impute == "none":
            return self._standardized(values)
        gaps = values.isnan()
        filled = self._standardized(torch.where(gaps, self.fill, values))
        return torch.cat([filled, (gaps & self.flagged).to(filled.dtype)], 1)

    def _standardized(self, values: Tensor) -> Tensor:
        standardized: Tensor = self.standardizer(values)
        return standardized


def median(values: Tensor) -> float:
    """Return the median of values (N,), the mean of the middle two if there are two; 0 of none."""
    ordered, size = values.double().sort().values, len(values)
    return float(ordered[[(size - 1) // 2, size // 2]].mean()) if size else 0.0


def most_frequent(values: Tensor) -> float:
    """Return the most frequent of values (N,), the smallest if there are several; 0 of none."""
    different, counts = values.unique(return_counts=True)
    return float(different[counts.argmax()]) if len(values) else 0.0
