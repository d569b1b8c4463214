import itertools

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler

from engine.data import Balanced, Shuffle, TensorLoader, batches, evaluation_loader
from engine.data.loader import MAX_NUMBERS
from engine.training.predictions import interleaved


def test_another_seed_gives_another_order_in_every_epoch() -> None:
    orders = set()
    for seed in range(4):
        shuffle = Shuffle(seed)
        for epoch in range(4):
            shuffle.set_epoch(epoch)
            orders.add(tuple(shuffle.order(50).tolist()))
    assert len(orders) == 16


def test_shuffling_draws_nothing_from_the_global_generator() -> None:
    loader = TensorLoader(TensorDataset(torch.arange(10)), 2, Shuffle(3))
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    list(loader)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(("shape", "batch_size"), [((3,), 8), ((), 8), ((3, 32, 32), 8), ((3, 32, 32), 128)])
def test_evaluation_batches_are_large_but_bounded(shape: tuple[int, ...], batch_size: int) -> None:
    tensor = torch.arange(20_000).view(-1, *[1] * len(shape)).expand(-1, *shape)
    sizes = [len(batch) for (batch,) in evaluation_loader(TensorDataset(tensor), batch_size)]
    assert sum(sizes) == 20_000
    assert batch_size <= sizes[0] < 20_000
    assert sizes[0] == batch_size or sizes[0] * tensor[0].numel() <= MAX_NUMBERS


def test_balanced_training_draws_every_class_equally_often_and_anew_each_epoch() -> None:
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    balanced = Balanced(0, labels)
    first = balanced.order(3000)
    assert (labels[first].bincount() - 1000).abs().max() < 100
    balanced.set_epoch(1)
    assert not torch.equal(balanced.order(3000), first)


class Texts(Dataset[tuple[str, int]]):
    """Samples that only a collate function of one's own can stack."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, row: int) -> tuple[str, int]:
        return "x" * (row + 1), row


def lengths(samples: list[tuple[str, int]]) -> tuple[Tensor, Tensor]:
    return torch.tensor([[float(len(text))] for text, _ in samples]), torch.tensor([row for _, row in samples])


def test_batches_are_every_sample_once_whatever_the_sampler_and_as_the_loader_collates_them() -> None:
    weights = [1.0] + [0.0] * 29
    drawn = DataLoader(Texts(), batch_size=4, sampler=WeightedRandomSampler(weights, 30), collate_fn=lengths)
    found = list(batches(drawn, size=8))
    assert torch.cat([inputs for inputs, _ in found])[:, 0].tolist() == list(range(1, 31))
    assert torch.cat([labels for _, labels in found]).tolist() == list(range(30))


def test_batches_of_a_tensor_loader_are_its_data_set_in_order() -> None:
    dataset = TensorDataset(torch.arange(10), torch.arange(10) * 2)
    for source in (dataset, TensorLoader(dataset, 3, Shuffle(0)), DataLoader(dataset, 3, shuffle=True)):
        assert torch.equal(torch.cat([first for first, _ in batches(source, size=4)]), torch.arange(10))


CASES = list(itertools.product([1, 2, 3, 7, 12, 25], [1, 2, 4], [1, 2, 3, 5], [False, True]))


def loader(size: int, batch_size: int, sampler: Shuffle | None, drop_last: bool, rank: int, world: int) -> TensorLoader:
    values = torch.arange(size) * 10
    made = TensorLoader(TensorDataset(values, values + 1), batch_size, sampler, drop_last)
    made.rank, made.world = rank, world
    return made


def shards(size: int, batch_size: int, world: int, drop_last: bool, shuffled: bool) -> list[TensorLoader]:
    sampler = Shuffle(3) if shuffled else None
    return [loader(size, batch_size, sampler, drop_last, rank, world) for rank in range(world)]


@pytest.mark.parametrize("shuffled", [False, True])
def test_processes_together_see_the_batches_of_one_with_larger_ones(shuffled: bool) -> None:
    for size, batch_size, world, drop_last in CASES:
        [alone] = shards(size, batch_size * world, 1, drop_last, shuffled)
        parts = shards(size, batch_size, world, drop_last, shuffled)
        assert [len(part) for part in parts] == [len(alone)] * world
        for complete, *dealt in zip(alone, *parts, strict=True):
            sizes = [len(inputs) for inputs, _ in dealt]
            assert max(sizes) - min(sizes) <= 1
            assert sizes[0] > 0
            rows = interleaved([inputs.unsqueeze(1).tolist() for inputs, _ in dealt])
            assert rows == complete[0].unsqueeze(1).tolist()
            assert all(torch.equal(targets, inputs + 1) for inputs, targets in dealt)


def test_weighted_means_of_processes_average_to_the_mean_of_the_batch() -> None:
    for size, batch_size, world, drop_last in CASES:
        [alone] = shards(size, batch_size * world, 1, drop_last, True)
        parts = shards(size, batch_size, world, drop_last, True)
        for number, (complete, *dealt) in enumerate(zip(alone, *parts, strict=True)):
            means = [inputs.double().mean() if len(inputs) else 0.0 for inputs, _ in dealt]
            weighted = [mean * part.weight(number) for mean, part in zip(means, parts, strict=True)]
            assert float(sum(weighted)) / world == pytest.approx(float(complete[0].double().mean()))
            assert alone.weight(number) == 1
