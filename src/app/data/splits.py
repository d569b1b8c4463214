"""Splits of what was collected once: random, or with the same share of every class."""

import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from app.errors import DataError


def split(labels: Tensor | None, size: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return the indices of the larger and of the smaller part of size samples.

    Args:
        labels: Class of each sample, to keep their proportions to one sample; None splits at random.
        size: Number of samples.
        share: Share of the smaller part in (0, 1), or its number of samples.
        seed: Seed of the split, independent of the run's.

    Raises:
        DataError: If a part would be empty or a class has too few samples.
    """
    try:
        large, small = train_test_split(torch.arange(size), test_size=share, stratify=labels, random_state=seed)
    except ValueError as error:
        raise DataError(f"{size} samples cannot be split: {error}") from error
    return large, small
