"""What plain modules log, in metrics.csv."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from foreign.plain import Batch, Data, Net, config, run, samples
from support import Result, read_csv
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

App = Callable[..., Result]


class Endless(IterableDataset[Any]):  # has no length
    def __iter__(self) -> Any:
        return iter([samples(40, 0)[row] for row in range(40)] * 3)


class NoLength(Data):
    def train_dataloader(self) -> Any:
        return DataLoader(Endless(), batch_size=8)


class Names(Net):
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("val loss/top 1/a", nn.functional.mse_loss(self(batch[0]), batch[1]))


class TwoOptimizers(Net):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.other = nn.Linear(4, 1)

    def configure_optimizers(self) -> Any:
        return [torch.optim.Adam(net.parameters(), lr=0.01) for net in (self.net, self.other)]

    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        for optimizer, net in zip(self.optimizers(), (self.net, self.other), strict=True):
            loss = nn.functional.mse_loss(net(batch[0]), batch[1])
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            self.log("train_loss", loss)


def rows(app: App, module: type, data: type = Data, **trainer: Any) -> list[dict[str, str]]:
    assert app("fit", "--config", config(module, data, **trainer)).exit_code == 0
    return read_csv(run() / "metrics.csv")


def test_what_is_logged_each_step_is_written_in_a_run_of_a_few_steps(app: App) -> None:
    found = rows(app, Net)
    assert [(row["epoch"], row["step"]) for row in found if row["train_loss"]] == [("0", "4"), ("1", "9")]


def test_a_run_of_two_steps_writes_the_second(app: App) -> None:
    assert [row["step"] for row in rows(app, Net, max_epochs=-1, max_steps=2) if row["train_loss"]] == ["1"]


def test_an_interval_that_the_settings_name_is_kept(app: App) -> None:
    found = rows(app, Net, max_epochs=4, log_every_n_steps=6)
    assert [row["step"] for row in found if row["train_loss"]] == ["5", "11", "17"]


def test_an_epoch_of_unknown_length_is_logged(app: App) -> None:
    found = rows(app, Net, NoLength, max_epochs=1)
    assert [row["step"] for row in found if row["train_loss"]] == ["9"]
    assert [row["step"] for row in found if row["val_loss"]] == ["14"]


def test_names_have_spaces_and_slashes(app: App) -> None:
    assert all(float(row["val loss/top 1/a"]) > 0 for row in rows(app, Names))
    assert "val loss/top 1/a" in (run() / "run.json").read_text()


def test_the_test_of_two_optimizers_stands_at_the_step_of_its_checkpoint(app: App) -> None:
    before = rows(app, TwoOptimizers)
    assert app("test", "--run", "plain").exit_code == 0
    after = read_csv(run() / "metrics.csv")
    assert len(after) == len(before)
    [tested] = [row for row in after if row["test_loss"]]
    assert (tested["epoch"], tested["step"]) == ("1", "9")
    assert tested["val_loss"]


@pytest.mark.filterwarnings("ignore:.*optimizer.step:UserWarning")
def test_a_resume_of_two_optimizers_writes_each_row_once(app: App) -> None:
    rows(app, TwoOptimizers)
    assert app("fit", "--run", "plain", "--trainer.max_epochs", "3").exit_code == 0
    validated = [(row["epoch"], row["step"]) for row in read_csv(run() / "metrics.csv") if row["val_loss"]]
    assert validated == [("0", "4"), ("1", "9"), ("2", "14")]
