"""In-memory data modules: each split is a few tensors, built once."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from engine.data.augment import Augment
from engine.data.loader import Balanced, Shuffle, TensorLoader, evaluation_loader
from engine.data.rows import rows_of
from engine.errors import DataError, UsageError, check_range

Split = Literal["train", "val", "test"]
SPLITS: dict[str, tuple[Split, ...]] = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ()}


class InMemory(LightningDataModule, ABC):
    """Splits held as tensors; a subclass says how each is built and names its columns or classes.

    `facts` are the attributes that networks and tasks may need: an argument of such a name that settings leave open
    gets its value. A class of one's own adds to them: `facts = (*InMemory.facts, "sequence_length")`.

    Args:
        batch_size: Samples in a training batch; evaluation takes more where they are small.
        drop_last: Leave out a last training batch that is smaller; evaluation uses every sample.
        augment: Transforms of training inputs, in turn, on the device.
        balanced: Draw training samples of every class equally often.
        inputs: Rows to predict in place of the test split: lists of numbers, a CSV file with the inputs' columns, or
            a text such as x1=3,x2=4.

    Raises:
        ValueError: If the batch size is not positive.
    """

    facts: ClassVar[tuple[str, ...]] = ("in_features", "out_features", "num_classes", "in_channels", "image_size")

    def __init__(
        self,
        batch_size: int = 64,
        drop_last: bool = False,
        augment: list[nn.Module] | None = None,
        balanced: bool = False,
        inputs: str | list[list[float]] | None = None,
    ) -> None:
        super().__init__()
        check_range("batch_size", batch_size, 1)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.augment = Augment(augment) if augment else None
        self.balanced = balanced
        self.own_inputs = inputs
        self.seed = torch.initial_seed()  # that of the run: the command line seeds before it builds
        self.splits: dict[Split, TensorDataset] = {}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the inputs' columns, if they have columns."""
        return ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, if the targets are classes."""
        return ()

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the targets' columns, if they have columns with names."""
        return ()

    @property
    def categories(self) -> Mapping[str, Sequence[str]]:
        """Texts of the feature columns that hold numbers of texts, from 1 on; 0 is any other text."""
        return {}

    # Cached properties, so that a subclass may set an attribute of the name.
    @cached_property
    def in_features(self) -> int:
        """Numbers in one input: the named columns, else as many as the training split has."""
        return len(self.feature_names) or math.prod(self._training[0].shape[1:])

    @cached_property
    def in_channels(self) -> int | None:
        """Channels of an image; None if inputs are not (N, C, H, W)."""
        return self._training[0].shape[1] if len(self._training[0].shape) == 4 else None

    @cached_property
    def image_size(self) -> int | None:
        """Height of an image in pixels; None if inputs are not (N, C, H, W)."""
        return self._training[0].shape[2] if len(self._training[0].shape) == 4 else None

    @cached_property
    def num_classes(self) -> int | None:
        """Number of classes: the named ones, else as many as the largest training label says; None for numbers."""
        if self.class_names or self.feature_names:
            return len(self.class_names) or None
        labels = self._training[1]
        return None if labels.is_floating_point() or labels.ndim != 1 else int(labels.max()) + 1

    @cached_property
    def out_features(self) -> int:
        """Numbers in one output: one a class, else one a target."""
        named = len(self.target_names) or (1 if self.feature_names else 0)
        return self.num_classes or named or math.prod(self._training[1].shape[1:])

    @property
    def _training(self) -> tuple[Tensor, ...]:
        if "train" not in self.splits:  # asked for before setup
            self.prepare_data()
        return self._built("train").tensors

    @classmethod
    def for_other_data(cls, settings: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
        """Return what changes in the settings asked for, where a run is scored on other data than it was trained on."""
        return {}

    @abstractmethod
    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return inputs (N, ...) and targets (N, ...) of a split, the same at every call."""

    def has(self, split: Split) -> bool:
        """Return whether there is such a split; by default there are all three."""
        return True

    def setup(self, stage: str) -> None:
        """Build the splits that a stage needs and that are not there yet; predictions are built as they are made.

        Raises:
            DataError: If one is empty, or too small to score.
            UsageError: If the stage has no split.
        """
        for split in SPLITS[stage]:
            if self.has(split):
                targets = self._built(split).tensors[1]
                if targets.is_floating_point() and len(targets) < 2:
                    raise DataError(f"the {split} split of {type(self).__name__} has 1 sample: R2 needs at least 2")
            elif stage != "fit":
                raise UsageError(f"there is no {split} split to score: {split}_size is 0")
        if stage != "fit":
            return
        if not self.has("val") and self.trainer is not None:
            self.trainer.limit_val_batches = 0  # Lightning warns of a loader without batches
        if self.balanced:
            targets = self.splits["train"].tensors[1]
            if targets.is_floating_point() or targets.ndim > 1:
                raise UsageError("--data.balanced: balanced sampling needs classes, not numbers or labels")

    def _built(self, split: Split) -> TensorDataset:
        if split not in self.splits:
            dataset = TensorDataset(*self.build(split))
            if not len(dataset):
                raise DataError(f"the {split} split of {type(self).__name__} is empty")
            self.splits[split] = dataset
        return self.splits[split]

    def train_dataloader(self) -> TensorLoader:
        """Return the training split, in another order every epoch.

        Raises:
            UsageError: If it has no batch.
        """
        dataset = self.splits["train"]
        if getattr(self.trainer, "overfit_batches", 0):  # the same samples in every epoch
            return TensorLoader(dataset, self.batch_size)
        # Without seed_everything every process has its own, and they would not share one order.
        seed = self.trainer.strategy.broadcast(self.seed) if self.trainer else self.seed
        sampler = Balanced(seed, dataset.tensors[1]) if self.balanced else Shuffle(seed)
        loader = TensorLoader(dataset, self.batch_size, sampler, self.drop_last)
        if len(loader) == 0:
            size = loader.global_size
            raise UsageError(f"drop_last leaves no batch of {size} in a training split of {len(dataset)}")
        return loader

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment the inputs of a training batch."""
        if self.augment is None or self.trainer is None or not self.trainer.training:
            return batch
        inputs, *rest = batch
        return [self.augment(inputs), *rest] if len(inputs) else batch

    def val_dataloader(self) -> Any:
        """Return the validation split in its own order; no loader if there is none."""
        return evaluation_loader(self.splits["val"], self.batch_size) if self.has("val") else []

    def test_dataloader(self) -> TensorLoader:
        """Return the test split in its own order."""
        return evaluation_loader(self.splits["test"], self.batch_size)

    def predict_dataloader(self) -> TensorLoader:
        """Return the given inputs alone, float (N, features), else what `predicted` says.

        Raises:
            UsageError: If given inputs are not numbers, one for each column.
        """
        if self.own_inputs is None:
            return evaluation_loader(self.predicted(), self.batch_size)
        return evaluation_loader(TensorDataset(self.given(self.own_inputs)), self.batch_size)

    def given(self, inputs: str | list[list[float]]) -> Tensor:
        """Return given inputs as the network takes them (N, features)."""
        return torch.from_numpy(rows_of(inputs, self.feature_names))

    def predicted(self) -> TensorDataset:
        """Return inputs, targets and index of the samples to predict: the test split."""
        if not self.has("test"):
            raise UsageError("there is no test split to predict: test_size is 0")
        dataset = self._built("test")
        return TensorDataset(*dataset.tensors, torch.arange(len(dataset)))
