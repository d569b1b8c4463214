"""Callbacks, panels, data facts and transforms of one's own: by config alone, without a change to the engine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support import BRIEF, PRODUCT, Result, read_csv

App = Callable[..., Result]
OWN = """
import torch
from lightning.pytorch import Callback
from torch import nn

from engine.data import InMemory
from engine.dashboard import Panel


class Hello(Callback):
    def __init__(self, word: str) -> None:
        self.word = word

    def on_train_end(self, trainer, pl_module) -> None:
        print(self.word)


class Own(Panel):
    def on_train_end(self, trainer, pl_module) -> None:
        (self.folder / "own.txt").write_text("seen")


class Signals(InMemory):
    facts = (*InMemory.facts, "sequence_length")
    sequence_length = 7

    def build(self, split):
        x = torch.randn(20, 7, generator=torch.Generator().manual_seed(len(split)))
        return x, x.sum(1, keepdim=True)


class Net(nn.Module):
    def __init__(self, sequence_length: int | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(sequence_length, 1)

    def forward(self, x):
        return self.linear(x)


class Count(nn.Module):
    calls: list[tuple[int, ...]] = []

    def forward(self, images):
        self.calls.append(tuple(images.shape))
        return images
"""

PLAIN = """
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch.utils.data import DataLoader, TensorDataset


class Plain(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(2, 1)

    def training_step(self, batch, batch_idx):
        return (self.net(batch[0]) - batch[1]).square().mean()

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))

    def test_step(self, batch, batch_idx):
        self.log("test/loss", self.training_step(batch, batch_idx))

    def predict_step(self, batch, batch_idx):
        return self.net(batch[0])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class Data(LightningDataModule):
    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.ones(8, 2), torch.ones(8, 1)), batch_size=4)

    val_dataloader = test_dataloader = predict_dataloader = train_dataloader
"""


@pytest.fixture
def own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"own_{abs(hash(str(folder)))}"
    (folder / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(folder))
    return name


@pytest.mark.dashboard
def test_a_callback_and_a_panel_are_added_by_config_alone(app: App, own: str, folder: Path) -> None:
    added = {
        "callbacks": {"hello": {"class_path": f"{own}.Hello", "init_args": {"word": "at the end"}}},
        "dashboard": {"own": {"class_path": f"{own}.Own"}},
    }
    (folder / "added.yaml").write_text(yaml.safe_dump(added))
    result = app("fit", "--config", PRODUCT, "--config", "added.yaml", *BRIEF)
    assert result.exit_code == 0, result.err
    assert "at the end" in result.out
    run = folder / "lightning_logs/product/version_0"
    assert (run / "own.txt").read_text() == "seen"
    assert yaml.safe_load((run / "config.yaml").read_text())["callbacks"]["hello"]["init_args"] == {
        "word": "at the end"
    }
    assert app("test", "--run", "product").exit_code == 0


def test_a_name_without_a_class_is_refused_with_the_nearest(app: App) -> None:
    result = app("fit", "--config", PRODUCT, "--callbacks.progres", "null")
    assert result.exit_code == 2
    assert "did you mean callbacks.progress?" in result.err


@pytest.mark.dashboard
def test_one_switch_turns_the_dashboard_off(app: App, folder: Path) -> None:
    (folder / "off.yaml").write_text("dashboard: null\n")
    for number, words in enumerate((["--dashboard", "null"], ["--dashboard=false"], ["--config", "off.yaml"])):
        assert app("fit", "--config", PRODUCT, *BRIEF, *words).exit_code == 0
        run = folder / f"lightning_logs/product/version_{number}"
        assert not (run / "figures").exists()
        assert not any(yaml.safe_load((run / "config.yaml").read_text())["dashboard"].values())


def test_an_argument_left_open_is_asked_of_the_data(app: App, own: str, folder: Path) -> None:
    settings = {
        "trainer": {"max_epochs": 1},
        "model": {
            "class_path": "app.tasks.Regression",
            "init_args": {
                "network": {"class_path": f"{own}.Net"},
                "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
            },
        },
        "data": {"class_path": f"{own}.Signals"},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(settings))
    result = app("fit", "--config", "own.yaml")
    assert result.exit_code == 0, result.err
    saved = yaml.safe_load((folder / "lightning_logs/own/version_0/config.yaml").read_text())
    assert saved["model"]["init_args"]["network"]["init_args"] == {"sequence_length": 7}


def test_a_transform_of_ones_own_gets_whole_batches(app: App, own: str, small_mnist: Path, folder: Path) -> None:
    augment = json.dumps([{"class_path": f"{own}.Count"}])
    config = ["--config", PRODUCT.with_name("mnist_mlp.yaml"), "--data.root", small_mnist, "--data.val_size", "40"]
    result = app("fit", *config, "--data.augment", augment, "--trainer.max_epochs", "1")
    assert result.exit_code == 0, result.err
    import sys

    shapes = {shape for shape in sys.modules[own].Count.calls if shape[0] > 2}
    assert shapes == {(64, 1, 28, 28), (32, 1, 28, 28)}  # 160 images in batches of 64


def test_own_numbers_are_predicted_for_a_generated_task(app: App, folder: Path) -> None:
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    assert app("predict", "--run", "product", "--input", "x1=3,x2=4").exit_code == 0
    [row] = read_csv(folder / "lightning_logs/product/version_0/predictions.csv")
    assert (row["x1"], row["x2"]) == ("3.0", "4.0")
    assert "changed since training" not in app("predict", "--run", "product", "--input", "x1=1,x2=2").out


def test_arguments_of_another_data_class_are_not_taken_over(app: App, folder: Path) -> None:
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    (folder / "new.csv").write_text("x1,x2,y\n1,2,2\n3,4,12\n5,6,30\n")
    other = ["--data", "app.data.tabular.Tabular", "--data.path", "new.csv", "--data.target", "y"]
    result = app("predict", "--run", "product", *other, "--data.all_rows", "true")
    assert result.exit_code == 0, result.err
    rows = read_csv(folder / "lightning_logs/product/version_0/predictions.csv")
    assert [row["actual"] for row in rows] == ["2.0", "12.0", "30.0"]


def test_overfit_batches_trains_on_the_same_samples_in_every_epoch(app: App, folder: Path) -> None:
    assert app("fit", "--config", PRODUCT, *BRIEF, "--trainer.overfit_batches", "1").exit_code == 0
    rows = read_csv(folder / "lightning_logs/product/version_0/metrics.csv")
    losses = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert losses == sorted(losses, reverse=True)  # other samples would make it jump


def test_a_plain_module_of_lightning_is_predicted(app: App, own: str, folder: Path) -> None:
    (folder / "plain.py").write_text(PLAIN)
    settings = {
        "trainer": {"max_epochs": 1},
        "model": {"class_path": "plain.Plain"},
        "data": {"class_path": "plain.Data"},
    }
    (folder / "plain.yaml").write_text(yaml.safe_dump(settings))
    for command in ("fit", "test", "predict"):
        result = app(command, "--config", "plain.yaml")
        assert result.exit_code == 0, result.err
    rows = read_csv(folder / "lightning_logs/plain/version_0/predictions.csv")
    assert len(rows) == 8
    assert list(rows[0]) == ["predicted"]
