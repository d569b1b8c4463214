import itertools

import pytest
import torch
from torch.utils.data import TensorDataset

from engine.data import Shuffle, TensorLoader
from engine.data.loader import Shard
from engine.training.predictions import interleaved

CASES = list(itertools.product([1, 2, 3, 7, 12, 25], [1, 2, 4], [1, 2, 3, 5], [False, True]))


def loader(size: int, batch_size: int, sampler: Shuffle | None, drop_last: bool, shard: Shard) -> TensorLoader:
    values = torch.arange(size) * 10
    made = TensorLoader(TensorDataset(values, values + 1), batch_size, sampler, drop_last)
    made.shard, made.global_size = shard, batch_size * shard.world
    return made


def shares(size: int, batch_size: int, world: int, drop_last: bool, shuffled: bool) -> list[TensorLoader]:
    sampler = Shuffle(3) if shuffled else None
    return [loader(size, batch_size, sampler, drop_last, Shard(rank, world)) for rank in range(world)]


@pytest.mark.parametrize("shuffled", [False, True])
def test_processes_together_see_the_batches_of_one_with_larger_ones(shuffled: bool) -> None:
    for size, batch_size, world, drop_last in CASES:
        [alone] = shares(size, batch_size * world, 1, drop_last, shuffled)
        parts = shares(size, batch_size, world, drop_last, shuffled)
        assert [len(part) for part in parts] == [len(alone)] * world
        for whole, *dealt in zip(alone, *parts, strict=True):
            sizes = [len(inputs) for inputs, _ in dealt]
            assert max(sizes) - min(sizes) <= 1
            assert sizes[0] > 0
            rows = interleaved([inputs.unsqueeze(1).tolist() for inputs, _ in dealt])
            assert rows == whole[0].unsqueeze(1).tolist()
            assert all(torch.equal(targets, inputs + 1) for inputs, targets in dealt)


def test_weighted_means_of_processes_average_to_the_mean_of_the_batch() -> None:
    for size, batch_size, world, drop_last in CASES:
        [alone] = shares(size, batch_size * world, 1, drop_last, True)
        parts = shares(size, batch_size, world, drop_last, True)
        for number, (whole, *dealt) in enumerate(zip(alone, *parts, strict=True)):
            means = [inputs.double().mean() if len(inputs) else 0.0 for inputs, _ in dealt]
            weighted = [mean * part.weight(number) for mean, part in zip(means, parts, strict=True)]
            assert float(sum(weighted)) / world == pytest.approx(float(whole[0].double().mean()))
            assert alone.weight(number) == 1
