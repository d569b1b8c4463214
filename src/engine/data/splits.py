"""Splits of what was collected once: random, or with the same share of every class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.data.in_memory import InMemory, Split
from engine.errors import DataError


class TwoParts(InMemory, ABC):
    """Data published in two parts, to train and to test on; validation is a stratified part of the first."""

    title: str
    val_size: int
    waiting: tuple[Split, tuple[Tensor, Tensor]] | None = None

    @abstractmethod
    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Return inputs (N, ...) and labels (N,) of a part."""

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Read a split; of training and validation, which share files, the second asked for waits in memory."""
        if split == "test":
            return self.read(train=False)
        if self.waiting is not None and self.waiting[0] == split:
            tensors, self.waiting = self.waiting[1], None
            return tensors
        inputs, labels = self.read(train=True)
        parts = divide(labels, len(labels), {"val": (self.val_size, 0)}, self.title, self.class_names)
        other: Split = "val" if split == "train" else "train"
        self.waiting = other, (inputs[parts[other]], labels[parts[other]])
        return inputs[parts[split]], labels[parts[split]]


def divide(
    labels: Tensor | None, size: int, parts: Mapping[Split, tuple[int, int]], owner: str, classes: Sequence[str] = ()
) -> dict[Split, Tensor]:
    """Return the indices of each part of size samples, and under "train" those that are left.

    Args:
        labels: Class of each sample, to keep their proportions to one sample; None splits at random.
        size: Number of samples.
        parts: Number of samples and seed of each part, independent of the run's seed.
        owner: File or folder that the samples are from, for errors.
        classes: Names of the classes, for errors.

    Raises:
        DataError: If a part would be empty or a class has too few samples.
    """
    from sklearn.model_selection import train_test_split  # half a second that predictions of other files need not wait

    divided: dict[Split, Tensor] = {}
    rest, names = torch.arange(size), [*parts]
    for place, (name, (number, seed)) in enumerate(parts.items()):
        kept = None if labels is None else labels[rest]
        _check(kept, len(rest), number, owner, classes, ["train", *reversed(names[place:])])
        large, small = train_test_split(torch.arange(len(rest)), test_size=number, stratify=kept, random_state=seed)
        divided[name], rest = rest[small], rest[large]
    return {"train": rest, **divided}


def _check(
    labels: Tensor | None, size: int, number: int, owner: str, classes: Sequence[str], needs: Sequence[str]
) -> None:
    """Refuse what scikit-learn would in words of its own: see that the last of the needs gets its number."""
    wanted, fewest, each = " and ".join(needs), 1, ""
    if labels is not None:
        counts = labels.bincount(minlength=len(classes))
        rare = int(counts.argmin())
        if counts[rare] < len(needs):
            raise DataError(
                f"{owner}: class {classes[rare]!r} has {counts[rare]} of {size} samples for {wanted}: "
                f"it needs at least {len(needs)}"
            )
        fewest, each = len(counts), ", one of each class"
    if not fewest <= number <= size - fewest:
        raise DataError(
            f"{owner}: {size} samples cannot be split into {wanted} with {number} for {needs[-1]}: "
            f"each needs at least {fewest}{each} (see {needs[-1]}_size)"
        )
