from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support import PRODUCT, Result, read_csv
from torch import Tensor

from app.data.chars import Chars
from app.data.line import Line
from app.data.linear import Linear
from app.data.product import Product
from app.data.sine import Sine
from app.data.tabular import Tabular
from app.data.threshold import Threshold
from app.tasks import Regression
from engine.data import InMemory, Shuffle, Split, TensorLoader
from engine.errors import DataError, UsageError
from engine.runs.config_file import flat, read_tree


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
            assert isinstance(loader.sampler, Shuffle)
            loader.sampler.set_epoch(epoch)
        assert seen(first) == seen(again)
        orders.append(seen(first))
    assert len({tuple(order) for order in orders}) == 3


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


class Images(InMemory):
    """Names nothing: what a network needs to know is in the tensors."""

    facts = (*InMemory.facts, "sequence_length")
    sequence_length = 7

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        labels = torch.arange(12) % 4
        return torch.zeros(12, 3, 16, 16, dtype=torch.uint8), labels


def test_sizes_that_no_name_tells_come_from_the_training_tensors_before_setup() -> None:
    data = Images()
    found = {name: getattr(data, name) for name in Images.facts}
    sizes = {"in_features": 768, "in_channels": 3, "image_size": 16, "num_classes": 4, "out_features": 4}
    assert found == {**sizes, "sequence_length": 7}
    numbers = Numbers(real=True)
    assert (numbers.in_features, numbers.in_channels, numbers.num_classes, numbers.out_features) == (1, None, None, 1)


def test_nothing_is_built_before_a_size_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(Images, "prepare_data", lambda data: built.append("prepared"))
    data = Images()
    assert not data.splits
    assert data.in_channels == 3
    assert (built, list(data.splits)) == (["prepared"], ["train"])


def test_a_subclass_may_set_a_size_itself() -> None:
    data = Images()
    data.num_classes = 10
    assert data.out_features == 10


def test_sizes_left_open_are_filled_in_from_data_of_ones_own(app: Callable[..., Result], folder: Path) -> None:
    (folder / "own.py").write_text(OWN)
    (folder / "own.yaml").write_text(OWN_CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        result = app("fit", "--config", "own.yaml")
    assert result.exit_code == 0, result.err
    network = flat(read_tree(folder / "lightning_logs/own/version_0/config.yaml"))
    prefix = "model.init_args.network.init_args."
    assert [network[prefix + name] for name in ("in_features", "out_features", "sequence_length")] == [5, 1, 7]


OWN = """
import torch
from app.tasks import Regression
from engine.data import InMemory
from app.networks import MLP

class Wave(InMemory):
    facts = (*InMemory.facts, "sequence_length")
    sequence_length = 7

    def build(self, split):
        inputs = torch.arange(100.0).view(20, 5)
        return inputs, inputs.sum(1, keepdim=True)

class Net(MLP):
    def __init__(self, sequence_length: int | None = None, **kwargs):
        assert sequence_length == 7
        super().__init__(**kwargs)
"""
OWN_CONFIG = """
trainer: {max_epochs: 1}
model:
  class_path: app.tasks.Regression
  init_args:
    network: {class_path: own.Net}
    optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.1}}
data: {class_path: own.Wave}
"""


@pytest.mark.parametrize("given", [[[3.0, 4.0], [1.0, 2.5]], "rows.csv", "x2=4, x1=3"])
def test_given_inputs_are_predicted_in_place_of_the_test_split(given: str | list[list[float]], folder: Path) -> None:
    (folder / "rows.csv").write_text("x2,more,x1\n4,a,3\n2.5,b,1\n")
    data = Product(inputs=given)
    data.setup("predict")
    [(inputs,)] = data.predict_dataloader()
    assert inputs.tolist() == [[3.0, 4.0], [1.0, 2.5]][: len(inputs)]
    assert len(inputs) == (1 if given == "x2=4, x1=3" else 2)


def test_given_inputs_are_predicted_by_the_command_line(app: Callable[..., Result], folder: Path) -> None:
    assert app("fit", "--config", PRODUCT, "--trainer.max_epochs", "1").exit_code == 0
    result = app("predict", "--run", "product", "--data.inputs", "x1=3,x2=4")
    assert result.exit_code == 0, result.err
    [row] = read_csv(folder / "lightning_logs/product/version_0/predictions.csv")
    task = Regression.load_from_checkpoint(folder / "lightning_logs/product/version_0/checkpoints/best.ckpt")
    assert list(row) == ["x1", "x2", "predicted"]
    assert float(row["predicted"]) == pytest.approx(task.eval()(torch.tensor([[3.0, 4.0]])).item(), rel=1e-5)


@pytest.mark.parametrize("given", ["x1=3", "x1=3,x2=many", "x1=3,x3=4", [[1.0]], []])
def test_inputs_that_are_not_a_number_for_each_column_are_refused(given: str | list[list[float]]) -> None:
    with pytest.raises(UsageError, match="a number for each of x1, x2"):
        Product(inputs=given).predict_dataloader()
    with pytest.raises(UsageError, match="need columns with names"):
        Images(inputs=given).predict_dataloader()


@pytest.mark.parametrize("kind", [Line, Linear, Product, Sine, Threshold, Tabular, Chars])
def test_splits_do_not_follow_the_seed_of_the_run(kind: Callable[[], InMemory]) -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        data = kind()
        found.append([tensor for split in SPLITS for tensor in data.build(split)])
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


SPLITS: tuple[Split, ...] = ("train", "val", "test")
