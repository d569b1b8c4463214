"""Splits of data that was collected once: random, or stratified by class."""

import contextlib
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from filelock import FileLock
from torch import Tensor

from engine.data.in_memory import InMemory, Split
from engine.errors import DataError, check_range


class TwoParts(InMemory, ABC):
    """Labelled images published in two parts, to train and to test on; validation is a stratified part of the first.

    Args:
        root: Folder that holds the files; they are downloaded there if missing.
        val_size: Number of the training images to validate on.
    """

    title: ClassVar[str]
    folder_name: ClassVar[str]  # of the files, below root
    contents: ClassVar[str]  # what belongs into it, for the error
    in_channels: int
    image_size: int

    def __init__(self, root: str = "~/.cache/torch/datasets", val_size: int = 5000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_range("val_size", val_size, 1)
        self.root = Path(root).expanduser()
        self.folder = self.root / self.folder_name
        self.val_size = val_size
        self.in_features = self.in_channels * self.image_size**2
        self._unused: dict[Split, tuple[Tensor, Tensor]] = {}

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether all files are there."""

    @abstractmethod
    def download(self) -> None:
        """Download the files; a RuntimeError or OSError says that it failed."""

    @abstractmethod
    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Return images uint8 (N, C, H, W) and labels (N,) of a part."""

    def prepare_data(self) -> None:
        """Download what is missing.

        Raises:
            DataError: If it is missing and cannot be downloaded.
        """
        if self.complete:
            return
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # Runs of a study begin at once; torchvision prints each mirror that it tries.
            with FileLock(self.root / ".lock"), contextlib.redirect_stdout(io.StringIO()):
                if not self.complete:
                    self.download()
        except (OSError, RuntimeError) as error:
            raise DataError(
                f"{self.title} is not in {self.folder} and cannot be downloaded ({str(error).splitlines()[0]}).\n"
                f"Put there {self.contents};\nor name a folder with {self.folder_name}: --data.root FOLDER"
            ) from error

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Read a split; training and validation come from the same files, read once for both."""
        if split == "test":
            return self.read(train=False)
        if split not in self._unused:
            images, labels = self.read(train=True)
            parts = divide(labels, len(labels), {"val": (self.val_size, 0)}, self.title, self.class_names)
            self._unused = {part: (images[rows], labels[rows]) for part, rows in parts.items()}
        return self._unused.pop(split)


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
            few = f"class {classes[rare]!r} has {counts[rare]} of {size} samples for {wanted}"
            raise DataError(f"{owner}: {few}: it needs at least {len(needs)}")
        fewest, each = len(counts), ", one of each class"
    if not fewest <= number <= size - fewest:
        raise DataError(
            f"{owner}: {size} samples cannot be split into {wanted} with {number} for {needs[-1]}: "
            f"each needs at least {fewest}{each} (see {needs[-1]}_size)"
        )
