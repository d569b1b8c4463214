"""A folder of images, one sub-folder a class."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from engine import DataError, check_range
from engine.data import Fit, ImageFiles, InMemory, Split, divide, labelled, locate, same, subfolders, to_predict

HERE = Path(__file__).parent


class ImageFolder(InMemory):
    """Images uint8 (N, 3, image_size, image_size) in [0, 255] and labels (N,), from PNG and JPEG files of any size.

    Args:
        root: Folder with a sub-folder of images for each class, or with train, and perhaps val and test, that have
            them; splits that are missing are stratified parts of the images to train on. Loose images can be predicted.
        image_size: Height and width that every image is brought to, in pixels.
        fit: How: "resize" changes the shape, "crop" cuts the longer side, "pad" fills the shorter one with black.
        classes: Names of the classes in the order of their numbers; by default the sub-folders, sorted.
        val_size: Fraction of the images to validate on, where there is no folder val.
        test_size: Fraction of the images to test on, where there is no folder test.
        all_images: Test and predict on every image: for a folder that the network was not trained on.
        memory_limit: Images up to this many megabytes are decoded once; more are decoded anew in every epoch.
        num_workers: Threads that decode, 0 for none beside the main one; by default one a core.

    Raises:
        ValueError: If a size is out of its range, or the fractions leave nothing to train on.
    """

    facts = (*InMemory.facts, "classes")
    in_channels = 3
    image_size: int

    def __init__(
        self,
        root: str = "images",
        image_size: int = 64,
        fit: Fit = "resize",
        classes: list[str] | None = None,
        val_size: float = 0.1,
        test_size: float = 0.1,
        all_images: bool = False,
        memory_limit: int = 2000,
        num_workers: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_range("image_size", image_size, 1)
        check_range("memory_limit", memory_limit, 0)
        check_range("num_workers", num_workers or 0, 0)
        if min(val_size, test_size) <= 0 or val_size + test_size >= 1:
            raise ValueError(f"val_size {val_size} and test_size {test_size} must leave images to train on")
        self.root = root
        self.image_size = image_size
        self.in_features = 3 * image_size**2
        self.fit = fit
        self.sizes: dict[Split, float] = {"test": test_size, "val": val_size}
        self.all_images = all_images
        self.memory_limit = memory_limit
        self.num_workers = num_workers
        self.files: list[str] = []
        self._classes = classes

    @cached_property
    def classes(self) -> list[str]:
        """Names of the classes in the order of their numbers."""
        classes = self._classes or subfolders(self._folder("train"))
        if len(classes) < 2:
            raise DataError(f"{self.root} needs a sub-folder of images for each of at least two classes")
        return classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.classes)

    @classmethod
    def for_other_data(cls, settings: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
        """Return that every image counts."""
        known = same(settings.get("root") or "", trained.get("root") or "", beside=HERE)
        return {} if known else {"all_images": True}

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return images and labels of a split."""
        return self._tensors(*self._members(split))

    def predicted(self) -> TensorDataset:
        """Return the test split, or every image of a folder that was not trained on; label -1 is unknown."""
        root, folder = self._root(), self._folder("test")
        known = set(subfolders(folder)) & set(self.classes)
        if known and not self.all_images:
            files, labels = self._members("test")
        else:
            files, numbers = to_predict(folder, self.classes)
            labels = torch.full((len(files),), -1) if numbers is None else torch.tensor(numbers)
        self.files = [file.relative_to(root).as_posix() for file in files]
        return TensorDataset(*self._tensors(files, labels), torch.arange(len(files)))

    def setup(self, stage: str) -> None:
        """Build the splits that a stage needs."""
        if stage == "fit":
            self._members("test")  # a test folder that cannot be scored is better known before training
        super().setup(stage)

    def _tensors(self, files: list[Path], labels: Tensor) -> tuple[Tensor, Tensor]:
        images = ImageFiles(files, self.image_size, self.fit, self.num_workers)
        if len(files) * 3 * self.image_size**2 <= self.memory_limit * 2**20:
            return images[:], labels
        return images, labels  # type: ignore[return-value]  # does what loaders ask of a tensor

    def _members(self, split: Split) -> tuple[list[Path], Tensor]:
        """Return files and labels of a split: a folder of its own, or a part of the images to train on."""
        root = self._root()
        if self.all_images or (split != "train" and (root / split).is_dir()):
            return self._labelled(self._folder(split))
        files, labels = self._labelled(self._folder("train"))
        missing = [(name, seed) for seed, name in enumerate(self.sizes) if not (root / name).is_dir()]
        parts = {name: (round(self.sizes[name] * len(files)), seed) for name, seed in missing}
        chosen = divide(labels, len(files), parts, self.root, self.class_names)[split]
        return [files[row] for row in chosen.tolist()], labels[chosen]

    def _root(self) -> Path:
        root = locate(self.root, beside=HERE)
        if not root.is_dir():
            raise DataError(f"{root} is not a folder")
        return root

    def _folder(self, split: Split) -> Path:
        root = self._root()
        return root / split if (root / split).is_dir() else root

    def _labelled(self, folder: Path) -> tuple[list[Path], Tensor]:
        """Return images and labels of a folder that has a sub-folder for each class."""
        files, labels = labelled(folder, self.classes)
        return files, torch.tensor(labels)
