"""Loaders: batches of tensors in an order of their own, sharded over processes, and every sample of any loader."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, distributed
from torch.utils.data import DataLoader, Dataset, SequentialSampler, TensorDataset, default_collate

# Upper limits of a batch that is only evaluated, or of batches that are gathered at once: samples and numbers.
MAX_SAMPLES, MAX_NUMBERS = 2**14, 2**17


def generator(seed: int) -> torch.Generator:
    """Return a random generator with a seed, independent of the run's."""
    return torch.Generator().manual_seed(seed)


def epoch_seed(seed: int, epoch: int, rank: int = 0) -> int:
    """Return the seed of an epoch, a function of the run's seed: a resumed run draws what it would have drawn.

    (seed 0, epoch 1) and (seed 1, epoch 0) differ, and so do processes, by their rank.
    """
    return (seed * 0x9E3779B97F4A7C15 + epoch + rank * 0xBF58476D1CE4E5B9) % 2**63


class Shuffle:
    """Sampler: a permutation drawn anew each epoch from the run's seed and the epoch, the same in a resumed run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; Lightning calls this before each."""
        self.epoch = epoch

    def order(self, size: int) -> Tensor:
        """Return the indices of an epoch (size,)."""
        return self.draw(size, generator(epoch_seed(self.seed, self.epoch)))

    def draw(self, size: int, random: torch.Generator) -> Tensor:
        """Draw indices (size,) with a generator."""
        return torch.randperm(size, generator=random)


class Balanced(Shuffle):
    """Weighted sampler with replacement: every class of labels (N,) is drawn equally often on average."""

    def __init__(self, seed: int, labels: Tensor) -> None:
        super().__init__(seed)
        self.weights = 1 / labels.bincount()[labels].double()

    def draw(self, size: int, random: torch.Generator) -> Tensor:
        """Draw indices (size,) with a generator, some more than once."""
        return torch.multinomial(self.weights, size, replacement=True, generator=random)


class TensorLoader:
    """Batches of tensors, gathered by index: for small data many times as fast as a DataLoader, which stacks samples.

    Processes take turns at the samples of each common batch, and together see the batches that one process with
    larger batches would see. They have the same number of batches; the first process always has a part of a batch, and
    the last batch is empty for some where it has fewer samples than there are processes.

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
        self.dataset = dataset
        self.batch_size = batch_size
        # Lightning looks for this class, to know that overfit_batches takes the same samples in every epoch.
        self.sampler = sampler or SequentialSampler(dataset)
        self.drop_last = drop_last
        several = distributed.is_available() and distributed.is_initialized()
        self.rank, self.world = (distributed.get_rank(), distributed.get_world_size()) if several else (0, 1)
        self._position = 0  # batches given out in this epoch
        self._skipped = 0  # batches to skip at the beginning of the next one
        in_memory = all(isinstance(tensor, Tensor) for tensor in dataset.tensors)
        numbers = sum(math.prod(tensor.shape[1:]) for tensor in dataset.tensors) * batch_size
        self._at_once = max(1, MAX_NUMBERS // max(numbers, 1)) if in_memory else 1

    def state_dict(self) -> dict[str, int]:
        """Return how many batches of the epoch were given out."""
        return {"position": self._position}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Begin the next epoch after the batches that were given out: these are never gathered."""
        self._skipped = state_dict["position"]

    @property
    def global_size(self) -> int:
        """Samples in a batch of all processes together."""
        return self.batch_size * self.world

    def __len__(self) -> int:
        """Return the number of batches."""
        full, rest = divmod(len(self.dataset), self.global_size)
        return full + (rest > 0 and not self.drop_last)

    def weight(self, batch: int) -> float:
        """Return the factor for the mean loss over this process' shard of a batch, by its number.

        Gradients are averaged over processes; with this factor the average is the mean over the batch.
        """
        size = min(self.global_size, len(self.dataset) - batch * self.global_size)
        return len(range(self.rank, size, self.world)) * self.world / size

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Return an iterator over a tuple of tensors a batch."""
        first, self._skipped = self._skipped, 0  # now: Lightning may never ask it for a batch
        return self._batches(first)

    def _batches(self, first: int) -> Iterator[tuple[Tensor, ...]]:
        order = self.sampler.order(len(self.dataset)) if isinstance(self.sampler, Shuffle) else None
        for start in range(first, len(self), self._at_once):
            numbers = range(start, min(start + self._at_once, len(self)))
            for number, batch in zip(numbers, self._gathered([self._rows(n) for n in numbers], order), strict=True):
                self._position = number + 1
                yield batch

    def _rows(self, batch: int) -> slice:
        """Return the positions in the epoch's order that are this process' shard of a batch."""
        start = batch * self.global_size
        return slice(start + self.rank, min(start + self.global_size, len(self.dataset)), self.world)

    def _gathered(self, rows: list[slice], order: Tensor | None) -> Iterable[tuple[Tensor, ...]]:
        """Return batches; several small ones are gathered at once, and index_select is twice as fast as indexing."""
        if order is None:
            return (tuple(tensor[part] for tensor in self.dataset.tensors) for part in rows)
        parts = [order[part] for part in rows]
        index, sizes = torch.cat(parts), [len(part) for part in parts]
        return zip(*(tensor.index_select(0, index).split(sizes) for tensor in self.dataset.tensors), strict=True)


def evaluation_loader(dataset: TensorDataset, batch_size: int) -> TensorLoader:
    """Return a loader in the data set's own order, with larger batches than training where samples are small.

    Nothing is learned from these batches, so their size is free: a few large ones cost little beside the network.
    Larger still would be slower: the layers' outputs would be too large for caches and for the allocator to keep.
    """
    largest = max(math.prod(tensor.shape[1:]) for tensor in dataset.tensors)
    return TensorLoader(dataset, max(batch_size, min(MAX_SAMPLES, MAX_NUMBERS // max(largest, 1))))


def batches(source: Dataset[Any] | Iterable[Any], size: int = 1024) -> Iterator[Sequence[Any]]:
    """Yield every sample of a data set or of a loader once, in the data set's own order, whatever a sampler does.

    A DataLoader keeps its collate function; a loader of any other kind is iterated as it is.
    """
    dataset: Any = source if isinstance(source, Dataset) else getattr(source, "dataset", None)
    collate = source.collate_fn if isinstance(source, DataLoader) else default_collate
    if isinstance(dataset, TensorDataset) and collate is default_collate:
        yield from (dataset[start : start + size] for start in range(0, len(dataset), size))
    elif isinstance(source, Dataset) or (isinstance(source, DataLoader) and source.batch_size is not None):
        yield from DataLoader(dataset, batch_size=size, collate_fn=collate)
    else:
        yield from source
