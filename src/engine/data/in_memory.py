"""Data that fits into memory: splits of tensors and the loader that gathers their batches."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from engine.data.augment import Augment
from engine.data.seeds import epoch_seed
from engine.data.shard import Share
from engine.errors import DataError, UsageError, check_range

Split = Literal["train", "val", "test"]
SPLITS: dict[str, tuple[Split, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
    "predict": ("test",),
}

# A batch that is only evaluated, or batches that are gathered at once, have up to so many samples and numbers.
MOST_SAMPLES, MOST_NUMBERS = 2**14, 2**17


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

    Several processes share each batch; they have the same number of batches, the last of which is empty for some of
    them where it has fewer samples than there are processes.

    Args:
        dataset: Tensors with one entry a sample along their first dimension.
        batch_size: Samples in a batch of one process; the last may be smaller.
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
        self.share = Share.current()
        self.shared_size = batch_size * self.share.world
        self._position = 0  # batches given out in this epoch
        self._skipped = 0  # batches at the beginning of the next one
        in_memory = all(isinstance(tensor, Tensor) for tensor in dataset.tensors)
        numbers = sum(math.prod(tensor.shape[1:]) for tensor in dataset.tensors) * batch_size
        self._at_once = max(1, MOST_NUMBERS // max(numbers, 1)) if in_memory else 1

    def state_dict(self) -> dict[str, int]:
        """Return how many batches of the epoch were given out."""
        return {"position": self._position}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Begin the next epoch after the batches that were given out: they are not touched."""
        self._skipped = state_dict["position"]

    def __len__(self) -> int:
        """Return the number of batches."""
        whole, rest = divmod(len(self.dataset), self.shared_size)
        return whole + (rest > 0 and not self.drop_last)

    def weight(self, batch: int) -> float:
        """Return by what to multiply the mean loss of a batch, by its number, where processes average gradients."""
        return self.share.weight(min(self.shared_size, len(self.dataset) - batch * self.shared_size))

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Return an iterator over a tuple of tensors a batch."""
        first, self._skipped = self._skipped, 0  # now: Lightning may never ask it for a batch
        return self._batches(first)

    def _batches(self, first: int) -> Iterator[tuple[Tensor, ...]]:
        order = self.sampler.order(len(self.dataset)) if self.sampler else None
        for start in range(first, len(self), self._at_once):
            numbers = range(start, min(start + self._at_once, len(self)))
            for number, batch in zip(numbers, self._gathered([self._rows(n) for n in numbers], order), strict=True):
                self._position = number + 1
                yield batch

    def _rows(self, batch: int) -> slice:
        """Return which samples of the epoch are this process' share of a batch."""
        start = batch * self.shared_size
        return self.share.rows(start, min(start + self.shared_size, len(self.dataset)))

    def _gathered(self, rows: list[slice], order: Tensor | None) -> Iterable[tuple[Tensor, ...]]:
        """Return batches; several small ones are gathered at once, and index_select is twice as fast as indexing."""
        if order is None:
            return (tuple(tensor[part] for tensor in self.dataset.tensors) for part in rows)
        parts = [order[part] for part in rows]
        index, sizes = torch.cat(parts), [len(part) for part in parts]
        return zip(*(tensor.index_select(0, index).split(sizes) for tensor in self.dataset.tensors), strict=True)


def evaluation_loader(dataset: TensorDataset, batch_size: int) -> TensorLoader:
    """Return a loader in the data set's own order, with larger batches than training where samples are small.

    Nothing is learned from these batches, so that their size is free: few large ones cost little beside the network.
    Larger still would be slower, for what layers put out is then too large for caches, and for the allocator to keep.
    """
    largest = max(math.prod(tensor.shape[1:]) for tensor in dataset.tensors)
    return TensorLoader(dataset, max(batch_size, min(MOST_SAMPLES, MOST_NUMBERS // max(largest, 1))))


class InMemory(LightningDataModule, ABC):
    """Splits held as tensors; a subclass says how each is built and names its columns or classes.

    Args:
        batch_size: Samples in a training batch; evaluation takes more where they are small.
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
        check_range("batch_size", batch_size, 1)
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
        # Without seed_everything every process has its own, and they would not share one order.
        seed = self.trainer.strategy.broadcast(self.seed) if self.trainer else self.seed
        sampler = Balanced(seed, dataset.tensors[1]) if self.balanced else Shuffle(seed)
        loader = TensorLoader(dataset, self.batch_size, sampler, self.drop_last)
        if len(loader) == 0:
            size = loader.shared_size
            raise UsageError(f"drop_last leaves no batch of {size} in a training split of {len(dataset)}")
        return loader

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment the inputs of a training batch."""
        if self.augment is None or self.trainer is None or not self.trainer.training:
            return batch
        inputs, *rest = batch
        return [self.augment(inputs), *rest] if len(inputs) else batch

    def val_dataloader(self) -> TensorLoader:
        """Return the validation split in its own order."""
        return evaluation_loader(self.splits["val"], self.batch_size)

    def test_dataloader(self) -> TensorLoader:
        """Return the test split in its own order."""
        return evaluation_loader(self.splits["test"], self.batch_size)

    def predict_dataloader(self) -> TensorLoader:
        """Return the test split in its own order, each sample with its index."""
        tensors = self.splits["test"].tensors
        return evaluation_loader(TensorDataset(*tensors, torch.arange(len(tensors[0]))), self.batch_size)


def generator(seed: int) -> torch.Generator:
    """Return a generator of a split's own, independent of the run's seed."""
    return torch.Generator().manual_seed(seed)
