"""Scores and predictions of plain modules: several loaders, what is missing, and whose bug it is."""

import traceback
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from foreign.plain import Batch, Data, Net, NetOfTwo, TwoLoaders, config, read_json, run, samples
from support import Result, read_csv
from torch import Tensor, nn
from torch.utils.data import DataLoader

from engine.training.evaluate import merged

App = Callable[..., Result]


class Bare(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 1)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Silent(Net):
    def test_step(self, batch: Batch, batch_idx: int) -> None:
        pass


class SameNames(NetOfTwo):
    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log(f"test_{dataloader_idx}", float(dataloader_idx), add_dataloader_idx=False)


class OwnLoaders(Net):
    def train_dataloader(self) -> Any:
        return Data().train_dataloader()

    val_dataloader = test_dataloader = predict_dataloader = train_dataloader


class Dicts(Data):  # batches of nested dictionaries
    def train_dataloader(self) -> Any:
        pairs: Any = [{"x": x, "more": {"y": y, "name": "n"}} for x, y in (samples(16, 0)[row] for row in range(16))]
        return DataLoader(pairs, batch_size=8)

    val_dataloader = test_dataloader = predict_dataloader = train_dataloader


class DictNet(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super().training_step((batch["x"], batch["more"]["y"]), batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        super().validation_step((batch["x"], batch["more"]["y"]), batch_idx)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        super().test_step((batch["x"], batch["more"]["y"]), batch_idx)

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return {"y": self(batch["x"]), "name": batch["more"]["name"]}


class Sized(DataLoader[Any]):
    def __init__(self, data: Any, size: int, **kwargs: Any) -> None:
        super().__init__(data, batch_size=size, **kwargs)


class PositionalSize(Data):
    def predict_dataloader(self) -> Any:
        return Sized(samples(12, 2), 8)


class Passing(DataLoader[Any]):
    def __init__(self, data: Any, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)


class AsAdvised(Data):
    def predict_dataloader(self) -> Any:
        return Passing(samples(12, 2), batch_size=8)


BUGS: dict[str, Callable[[], Any]] = {
    "TypeError": lambda: 1 + "a",  # type: ignore[operator]
    "ValueError": lambda: int("mine"),
    "RuntimeError": lambda: torch.zeros(2) @ torch.zeros(3),
    "IndexError": lambda: [][1],
}


class Buggy(Net):
    bug: str = ""

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        BUGS[self.bug]()

    predict_step = test_step


def fitted(app: App, module: type, data: type | None = Data, **trainer: Any) -> None:
    result = app("fit", "--config", config(module, data, **trainer))
    assert result.exit_code == 0, result.err


@pytest.mark.parametrize("command", ["test", "validate"])
def test_scores_of_all_loaders_are_printed_and_written(command: str, app: App) -> None:
    fitted(app, NetOfTwo, TwoLoaders)
    result = app(command, "--run", "plain")
    scores = read_json(f"{command}.json")
    loss = "test_loss" if command == "test" else "val_loss"
    network = NetOfTwo()
    network.load_state_dict(torch.load(run() / "checkpoints/best.ckpt", weights_only=True)["state_dict"])
    for number, loader in enumerate(TwoLoaders().test_dataloader()):
        inputs, targets = loader.dataset.tensors
        wanted = nn.functional.mse_loss(network(inputs), targets).item()
        assert scores[f"{loss}/dataloader_idx_{number}"] == pytest.approx(wanted)
        assert f"{loss}/dataloader_idx_{number}" in result.out


def test_metrics_of_one_name_are_told_apart_by_loader() -> None:
    assert merged([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 2.0}]) == {"a": 1.0, "b": 2.0, "a/dataloader_idx_1": 3.0}


def test_names_that_a_module_tells_apart_itself_are_kept(app: App) -> None:
    fitted(app, SameNames, TwoLoaders)
    assert app("test", "--run", "plain").exit_code == 0
    assert read_json("test.json") == {"test_0": 0.0, "test_1": 1.0}


def test_a_test_that_logs_nothing_says_so(app: App) -> None:
    fitted(app, Silent)
    result = app("test", "--run", "plain")
    assert result.exit_code == 0
    assert "no metric was logged" in result.out
    assert read_json("test.json") == {}


@pytest.mark.parametrize(("module", "data"), [(OwnLoaders, None), (DictNet, Dicts)])
@pytest.mark.filterwarnings(
    "ignore:Trying to infer the `batch_size`", "ignore:Your `.*_dataloader`'s sampler has shuffl"
)
def test_loaders_of_the_module_and_nested_batches_do_for_all_commands(module: type, data: Any, app: App) -> None:
    fitted(app, module, data)
    for command in ("validate", "test", "predict"):
        result = app(command, "--run", "plain")
        assert result.exit_code == 0, result.err
    assert "test_loss" in read_json("test.json")
    assert len(read_csv(run() / "predictions.csv")) == (16 if data else 40)
    assert app("fit", "--run", "plain", "--trainer.max_epochs", "3").exit_code == 0
    assert read_json("run.json")["epochs"] == 3


@pytest.mark.parametrize(("command", "word"), [("test", "test_step"), ("validate", "validation_step"), ("predict", "")])
@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader`")
def test_a_step_that_is_missing_is_lightnings_own_sentence(command: str, word: str, app: App) -> None:
    fitted(app, Bare)
    result = app(command, "--run", "plain")
    assert result.exit_code == 2
    assert (word or "requires `forward` method") in result.err
    assert "does not fit" not in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["test", "predict"])
@pytest.mark.parametrize("kind", BUGS)
def test_a_bug_in_a_step_is_a_traceback_that_ends_there(
    command: str, kind: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Buggy, "bug", kind)
    fitted(app, Buggy, max_epochs=1)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which of them is looked at below
        app(command, "--run", "plain")
    assert type(caught.value).__name__ == kind
    assert traceback.extract_tb(caught.value.__traceback__)[-1].filename == __file__


def test_a_loader_that_cannot_be_made_anew_is_refused_with_what_to_write(app: App) -> None:
    fitted(app, Net, PositionalSize)
    result = app("predict", "--run", "plain")
    assert result.exit_code == 2
    assert "DataLoader(data, batch_size=32)" in result.err
    assert app("predict", "--run", "plain", "--data", "foreign.test_evaluation.AsAdvised").exit_code == 0
