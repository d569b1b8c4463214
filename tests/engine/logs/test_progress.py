"""What is printed while a network trains, where output is not a terminal."""

import itertools
import math
from collections.abc import Iterator
from typing import Any, cast

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

from engine.logs.progress import Progress

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*is smaller than the logging interval", "ignore:.*treespec"
)


class Endless(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        while True:
            yield torch.ones(1)


class Unsized(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        yield from torch.ones(4, 1)


def ones(samples: int) -> DataLoader[Tensor]:
    return DataLoader(cast(Dataset[Tensor], torch.ones(samples, 1)))


class Counts(LightningModule):
    """Logs the number of the epoch as its training and its validation metric."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.log("train/loss", float(self.current_epoch), on_epoch=True, on_step=False)
        loss: Tensor = self.layer(batch).mean()
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("score", float(self.current_epoch))  # whatever its name is

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    def train(data: Any = None, every_n_epochs: int | None = None, **options: Any) -> list[dict[str, str]]:
        defaults: dict[str, Any] = {
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
            "enable_model_summary": False,
        }
        trainer = Trainer(**defaults | options, callbacks=[Progress(every_n_epochs=every_n_epochs)])
        trainer.fit(Counts(), ones(1) if data is None else data, ones(1))
        printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
        return [dict(part.split() for part in line.replace(", step", "  step").split("  ")) for line in printed]

    return train


def test_a_line_shows_only_what_its_own_epoch_measured(lines: Any) -> None:
    for shown in (lines(every_n_epochs=1, max_epochs=7, check_val_every_n_epoch=3), lines(max_epochs=7)):
        assert [line["epoch"] for line in shown] == list("0123456")
        assert all(line["train/loss"] == line["epoch"] for line in shown)
        assert all(line.get("score", line["epoch"]) == line["epoch"] for line in shown)
    assert [line["epoch"] for line in lines(max_epochs=7, check_val_every_n_epoch=3) if "score" in line] == ["2", "5"]


@pytest.mark.parametrize(("epochs", "validations"), [(50, 1), (51, 1), (400, 3), (400, 10), (400, 90), (333, 1)])
def test_a_run_of_any_length_prints_some_fifty_lines_with_validations_first(
    lines: Any, epochs: int, validations: int
) -> None:
    shown = lines(max_epochs=epochs, check_val_every_n_epoch=validations)
    assert min(epochs, 25) <= len(shown) <= 56
    assert int(shown[-1]["epoch"]) == epochs - 1
    if validations <= math.ceil(epochs / 50):
        assert all("score" in line for line in shown[:-1])
    else:
        assert sum("score" in line for line in shown) == epochs // validations


def test_an_epoch_without_an_end_prints_its_validations_with_the_step(lines: Any) -> None:
    shown = lines(DataLoader(Endless()), max_epochs=-1, max_steps=40, val_check_interval=10)
    assert [(line["step"], line["score"]) for line in shown[:3]] == [("10", "0"), ("20", "0"), ("30", "0")]
    many = lines(DataLoader(Endless()), max_epochs=-1, max_steps=1000, val_check_interval=5)
    assert 40 <= len(many) <= 52


def test_a_long_epoch_without_validation_prints_a_line_now_and_then(lines: Any, monkeypatch: Any) -> None:
    now = iter(range(10**6))  # a second passes with each look at the clock
    monkeypatch.setattr("time.monotonic", lambda: float(next(now)))
    shown = lines(ones(3000), max_epochs=1)
    assert 15 < len(shown) < 50
    assert 50 < int(shown[0]["step"]) < 70
    steps = [int(line["step"]) for line in shown[:-1]]
    gaps = [later - earlier for earlier, later in itertools.pairwise(steps)]
    assert gaps == sorted(gaps)


def test_an_epoch_without_an_end_and_a_validation_prints_lines_with_the_step(lines: Any, monkeypatch: Any) -> None:
    now = iter(range(10**6))  # a second passes with each look at the clock
    monkeypatch.setattr("time.monotonic", lambda: float(next(now)))
    shown = lines(DataLoader(Endless()), max_epochs=-1, max_steps=100, limit_val_batches=0)
    assert int(shown[0]["step"]) < 10
    assert 8 < len(shown) < 50


def test_epochs_of_an_unknown_length_have_lines_up_to_a_number_of_steps(lines: Any) -> None:
    assert [line["epoch"] for line in lines(DataLoader(Unsized()), max_epochs=-1, max_steps=12)] == list("012")
    assert 25 <= len(lines(DataLoader(Unsized()), max_epochs=-1, max_steps=800)) <= 56
