from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from app.data.chars import Chars
from app.data.line import Line
from app.data.linear import Linear
from app.data.product import Product
from app.data.sine import Sine
from app.data.threshold import Threshold
from engine.data import Balanced, InMemory, Shuffle, Split, TensorLoader, evaluation_loader
from engine.data.loader import MAX_NUMBERS
from engine.errors import DataError, UsageError


class Numbers(InMemory):
    def __init__(
        self,
        size: int = 10,
        batch_size: int = 3,
        drop_last: bool = False,
        augment: list[torch.nn.Module] | None = None,
        real: bool = False,
    ) -> None:
        super().__init__(batch_size, drop_last, augment)
        self.size = size
        self.real = real

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        start = {"train": 0, "val": 100, "test": 200}[split]
        values = torch.arange(start, start + self.size).view(-1, 1)
        return values, values * 2.0 if self.real else values * 2


def seen(loader: TensorLoader) -> list[int]:
    return [int(value) for batch in loader for value in batch[0]]


def loaders(data: InMemory) -> dict[str, TensorLoader]:
    for stage in ("fit", "test"):
        data.setup(stage)
    return {"train": data.train_dataloader(), "val": data.val_dataloader(), "test": data.test_dataloader()}


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 64])
def test_every_sample_is_seen_once_in_its_own_split(batch_size: int) -> None:
    for split, loader in loaders(Numbers(batch_size=batch_size)).items():
        start = {"train": 0, "val": 100, "test": 200}[split]
        assert sorted(seen(loader)) == list(range(start, start + 10))
        assert len(list(loader)) == len(loader)


@pytest.mark.parametrize("kind", [Line, Linear, Product, Sine, Threshold, Chars])
def test_any_data_set_can_drop_its_last_training_batch(kind: Callable[..., InMemory]) -> None:
    whole, dropped = kind(batch_size=7), kind(batch_size=7, drop_last=True)
    for data in (whole, dropped):
        data.setup("fit")
    size = len(whole.splits["train"])
    assert size % 7 > 0
    assert [len(batch[0]) for batch in dropped.train_dataloader()] == [7] * (size // 7)
    assert sum(len(batch[0]) for batch in whole.train_dataloader()) == size
    assert sum(len(batch[0]) for batch in dropped.val_dataloader()) == len(whole.splits["val"])


def test_inputs_and_targets_stay_together() -> None:
    for loader in loaders(Numbers()).values():
        assert all(torch.equal(targets, inputs * 2) for inputs, targets in loader)


def test_the_training_order_changes_every_epoch_and_is_the_same_for_the_same_seed() -> None:
    torch.manual_seed(7)
    first, again = (loaders(Numbers(100))["train"] for _ in range(2))
    orders = []
    for epoch in range(3):
        for loader in (first, again):
            assert loader.sampler is not None
            loader.sampler.set_epoch(epoch)
        assert seen(first) == seen(again)
        orders.append(seen(first))
    assert len({tuple(order) for order in orders}) == 3


def test_another_seed_gives_another_order_in_every_epoch() -> None:
    orders = set()
    for seed in range(4):
        shuffle = Shuffle(seed)
        for epoch in range(4):
            shuffle.set_epoch(epoch)
            orders.add(tuple(shuffle.order(50).tolist()))
    assert len(orders) == 16


def test_the_order_of_evaluation_never_changes() -> None:
    data = loaders(Numbers())
    assert seen(data["val"]) == seen(data["val"]) == list(range(100, 110))
    assert seen(data["test"]) == seen(data["test"]) == list(range(200, 210))


def test_only_training_may_drop_its_last_batch() -> None:
    data = loaders(Numbers(drop_last=True))
    assert [len(batch[0]) for batch in data["train"]] == [3, 3, 3]
    assert len(seen(data["val"])) == len(seen(data["test"])) == 10


def test_predictions_carry_the_index_of_their_sample() -> None:
    data = Numbers()
    data.setup("predict")
    assert [int(i) for batch in data.predict_dataloader() for i in batch[2]] == list(range(10))


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


def test_an_empty_split_is_named() -> None:
    with pytest.raises(DataError, match="train split of Numbers is empty"):
        Numbers(size=0).setup("fit")


@pytest.mark.parametrize("stage", ["fit", "test"])
def test_one_number_cannot_be_scored(stage: str) -> None:
    data = Numbers(size=1, real=True)
    with pytest.raises(DataError, match=r"split of Numbers has 1 sample: R2 needs at least 2"):
        data.setup(stage)
    data.setup("predict")
    Numbers(size=1).setup(stage)


def test_numbers_cannot_be_balanced() -> None:
    data = Numbers(real=True)
    data.balanced = True
    with pytest.raises(UsageError, match="balanced sampling needs classes"):
        data.setup("fit")


def test_balanced_training_draws_every_class_equally_often_and_anew_each_epoch() -> None:
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    balanced = Balanced(0, labels)
    first = balanced.order(3000)
    assert (labels[first].bincount() - 1000).abs().max() < 100
    balanced.set_epoch(1)
    assert not torch.equal(balanced.order(3000), first)


def test_the_order_follows_from_the_seed_of_the_run() -> None:
    orders = []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        orders.append(seen(loaders(Numbers(100))["train"]))
    assert orders[0] != orders[1]
    assert orders[0] == orders[2]


def test_only_training_batches_are_augmented() -> None:
    data = Numbers(augment=[torch.nn.Threshold(1e9, -1.0)])
    batch = [torch.ones(3, 1), torch.zeros(3, 1)]
    for training, expected in ((True, -1.0), (False, 1.0)):
        data.trainer = SimpleNamespace(training=training)  # type: ignore[assignment]  # all that is asked of it
        inputs, targets = data.on_after_batch_transfer(batch, 0)
        assert (inputs == expected).all()
        assert not targets.any()
