"""Data that fits into memory: splits of tensors and the loader that gathers their batches."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from app.bounds import check
from app.data.augmentation import Augment
from app.errors import DataError, UsageError
from app.seeds import epoch_seed

Split = Literal["train", "val", "test"]
SPLITS: dict[str, tuple[Split, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
    "predict": ("test",),
}


class Shuffle:
    """The order of samples, drawn anew each epoch from seed and epoch alone, so that a resumed run sees the same.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: int) -> None:
        """Start at epoch 0."""
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; Lightning calls this before each."""
        self.epoch = epoch

    def order(self, size: int) -> Tensor:
        """Return a permutation of size indices."""
        return torch.randperm(size, generator=generator(epoch_seed(self.seed, self.epoch)))


class Balanced(Shuffle):
    """Draws with replacement, every class equally often on average.

    Args:
        seed: Seed of the run.
        labels: Class of each sample.
    """

    def __init__(self, seed: int, labels: Tensor) -> None:
        """Weigh each sample by how rare its class is."""
        super().__init__(seed)
        self.weights = 1 / labels.bincount()[labels].double()

    def order(self, size: int) -> Tensor:
        """Return size indices."""
        return torch.multinomial(
            self.weights, size, replacement=True, generator=generator(epoch_seed(self.seed, self.epoch))
        )


class TensorLoader:
    """Batches of tensors, gathered by index without touching single samples: for small data, many times a DataLoader.

    Args:
        dataset: Tensors with one entry a sample along their first dimension.
        batch_size: Samples in a batch; the last may be smaller.
        sampler: Order of the samples; None keeps theirs.
        drop_last: Leave out a last batch that is smaller.
    """

    batch_sampler = None  # Lightning asks every loader that has a sampler

    def __init__(
        self, dataset: TensorDataset, batch_size: int, sampler: Shuffle | None = None, drop_last: bool = False
    ) -> None:
        """Store the arguments."""
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.drop_last = drop_last
        self._position = 0  # batches given out in this epoch
        self._skipped = 0  # batches at the beginning of the next one

    def state_dict(self) -> dict[str, int]:
        """Return how many batches of the epoch were given out."""
        return {"position": self._position}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Begin the next epoch after the batches that were given out: they are not touched."""
        self._skipped = state_dict["position"]

    def __len__(self) -> int:
        """Return the number of batches."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Return an iterator over a tuple of tensors a batch."""
        first, self._skipped = self._skipped, 0  # now: Lightning may never ask it for a batch
        return self._batches(first)

    def _batches(self, first: int) -> Iterator[tuple[Tensor, ...]]:
        order = self.sampler.order(len(self.dataset)) if self.sampler else None
        for batch in range(first, len(self)):
            self._position = batch + 1
            start = batch * self.batch_size
            stop = min(start + self.batch_size, len(self.dataset))
            if order is None:
                yield tuple(tensor[start:stop] for tensor in self.dataset.tensors)
            else:
                # index_select is more than twice as fast as tensor[index].
                yield tuple(tensor.index_select(0, order[start:stop]) for tensor in self.dataset.tensors)


class InMemory(LightningDataModule, ABC):
    """Splits held as tensors; a subclass says how each is built and names its columns or classes.

    Args:
        batch_size: Samples in a batch.
        drop_last: Leave out a last training batch that is smaller; evaluation uses every sample.
        augment: Transforms of training inputs, in turn, on the device.
        balanced: Draw training samples of every class equally often.

    Raises:
        ValueError: If the batch size is not positive.
    """

    def __init__(
        self,
        batch_size: int = 64,
        drop_last: bool = False,
        augment: list[nn.Module] | None = None,
        balanced: bool = False,
    ) -> None:
        """Store the arguments."""
        super().__init__()
        check("batch_size", batch_size, 1)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.augment = Augment(augment) if augment else None
        self.balanced = balanced
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

    def facts(self) -> dict[str, Any]:
        """Return what settings may leave to the data: sizes of the network, by the names of its arguments."""
        classes, features = len(self.class_names), len(self.feature_names)
        sizes = {"in_features": features, "out_features": classes or 1, "num_classes": classes}
        return {name: size for name, size in sizes.items() if size}

    @abstractmethod
    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return inputs (N, ...) and targets (N, ...) of a split, the same at every call."""

    def setup(self, stage: str) -> None:
        """Build the splits that a stage needs and that are not there yet; one that cannot be used is an error."""
        for split in SPLITS[stage]:
            if split not in self.splits:
                inputs, targets = self.build(split)
                numbers = targets.is_floating_point()
                if len(inputs) < (2 if numbers and stage != "predict" else 1):
                    short = f"has {len(inputs)} sample: R2 needs at least 2" if len(inputs) else "is empty"
                    raise DataError(f"the {split} split of {type(self).__name__} {short}")
                if self.balanced and split == "train" and numbers:
                    raise UsageError("data.init_args.balanced: balanced sampling needs classes, not numbers")
                self.splits[split] = TensorDataset(inputs, targets)

    def train_dataloader(self) -> TensorLoader:
        """Return the training split, in another order every epoch.

        Raises:
            UsageError: If it has no batch.
        """
        dataset = self.splits["train"]
        sampler = Balanced(self.seed, dataset.tensors[1]) if self.balanced else Shuffle(self.seed)
        loader = TensorLoader(dataset, self.batch_size, sampler, self.drop_last)
        if len(loader) == 0:
            raise UsageError(f"drop_last leaves no batch of {self.batch_size} in a training split of {len(dataset)}")
        return loader

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:  # noqa: ANN401  # as the base has it
        """Augment the inputs of a training batch."""
        if self.augment is None or self.trainer is None or not self.trainer.training:
            return batch
        inputs, *rest = batch
        return [self.augment(inputs), *rest]

    def val_dataloader(self) -> TensorLoader:
        """Return the validation split in its own order."""
        return TensorLoader(self.splits["val"], self.batch_size)

    def test_dataloader(self) -> TensorLoader:
        """Return the test split in its own order."""
        return TensorLoader(self.splits["test"], self.batch_size)

    def predict_dataloader(self) -> TensorLoader:
        """Return the test split in its own order, each sample with its index."""
        tensors = self.splits["test"].tensors
        return TensorLoader(TensorDataset(*tensors, torch.arange(len(tensors[0]))), self.batch_size)


def generator(seed: int) -> torch.Generator:
    """Return a generator of a split's own, independent of the run's seed."""
    return torch.Generator().manual_seed(seed)
