"""Weights that a new run begins with, from files of any origin."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from foreign.plain import Net, config, read_json, run
from support import Result
from torch import Tensor, nn

App = Callable[..., Result]
STILL = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1", "--model.lr", "0"]


class Frozen(Net):  # its optimizer takes the learning rate of its constructor
    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=float(self.hparams["lr"]))


class WithHead(Frozen):
    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr)
        self.head = nn.Linear(2, 2)


STATE = {"net.weight": torch.arange(4.0).view(1, 4), "net.bias": torch.tensor([5.0])}


def begun(app: App, path: str | Path, module: type = Frozen, *words: str) -> Result:
    return app("fit", "--config", config(module), "--init_from", path, *STILL, *words)


def trained() -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(run() / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return state


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"model": STATE, "optimizer": {"lr": 0.1}},
        {name.removeprefix("net."): value for name, value in STATE.items()},  # of the network alone
    ],
)
def test_a_run_begins_with_the_weights_of_a_file(content: object, app: App) -> None:
    torch.save(content, "weights.pt")
    result = begun(app, "weights.pt")
    assert result.exit_code == 0, result.err
    assert "weights from weights.pt" in result.out
    assert "not loaded" not in result.out
    assert all(torch.equal(trained()[name], value) for name, value in STATE.items())
    assert read_json("run.json")["init_from"] == "weights.pt"


def test_a_checkpoint_of_a_run_can_be_named_as_a_file(app: App) -> None:
    assert app("fit", "--config", config(Net)).exit_code == 0
    result = app("fit", "--init_from", run() / "checkpoints/last.ckpt", "--trainer.max_epochs", "1")
    assert result.exit_code == 0, result.err
    assert f"weights from {run() / 'checkpoints/last.ckpt'}: epoch 1" in result.out
    assert read_json("run.json", 1)["init_from"].endswith("last.ckpt")


def test_what_does_not_fit_is_listed_and_refused(app: App, folder: Path) -> None:
    torch.save({**STATE, "net.bias": torch.zeros(2), "more": torch.zeros(1)}, "weights.pt")
    result = begun(app, "weights.pt", WithHead)
    assert result.exit_code == 2
    for words in ("net.bias (2,) (in the network (1,))", "more (not in the network)", "head.weight (not in the file)"):
        assert words in result.err
    assert "--init_strict false" in result.err
    assert not (folder / "lightning_logs").exists()


def test_what_fits_is_loaded_if_that_is_asked_for(app: App) -> None:
    torch.save({**STATE, "net.bias": torch.zeros(2), "more": torch.zeros(1)}, "weights.pt")
    result = begun(app, "weights.pt", WithHead, "--init_strict", "false")
    assert result.exit_code == 0, result.err
    assert "not loaded: net.bias (2,)" in result.out
    assert torch.equal(trained()["net.weight"], STATE["net.weight"])
    assert trained()["net.bias"].shape == (1,)


@pytest.mark.parametrize("strict", ["true", "false"])
def test_weights_of_which_none_fits_are_refused(strict: str, app: App) -> None:
    torch.save({"other": torch.zeros(3)}, "weights.pt")
    result = begun(app, "weights.pt", Frozen, "--init_strict", strict)
    assert result.exit_code == 2
    assert "other (not in the network)" in result.err


def test_a_file_without_weights_is_named(app: App) -> None:
    torch.save({"lr": 0.1}, "weights.pt")
    result = begun(app, "weights.pt")
    assert result.exit_code == 2
    assert "weights.pt holds no weights" in result.err


def test_how_to_load_needs_what_to_load(app: App) -> None:
    result = app("fit", "--config", config(Net), "--init_strict", "false")
    assert result.exit_code == 2
    assert "--init_from" in result.err
