"""Weights that callbacks of Lightning average: trained, resumed and scored as in plain Lightning."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging, StochasticWeightAveraging
from support import NO_DASHBOARD, Result
from support.plain import Data, Plain

from engine.training.interruption import Interruption

App = Callable[..., Result]
Weights = dict[str, torch.Tensor]
PACKAGE = "lightning.pytorch.callbacks"
EMA = (EMAWeightAveraging, {"decay": 0.9})
SWA = (StochasticWeightAveraging, {"swa_lrs": 0.01, "swa_epoch_start": 1, "annealing_epochs": 2})


def fit(app: App, folder: Path, kind: tuple[type[Callback], dict[str, Any]], *words: str, exit_code: int = 0) -> Result:
    own = {"class_path": f"{PACKAGE}.{kind[0].__name__}", "init_args": kind[1]}
    trainer = {"max_epochs": 4, "log_every_n_steps": 1, "accelerator": "cpu", "callbacks": [own]}
    (folder / "plain.yaml").write_text(yaml.safe_dump({"trainer": trainer}))
    model = ["--model", "support.plain.Plain", "--data", "support.plain.Data", "--data.shuffle", "false"]
    result = app("fit", "--config", "plain.yaml", *model, "--callbacks.diagnosis", "null", *NO_DASHBOARD, *words)
    assert result.exit_code == exit_code, result.err
    return result


def saved(name: str, which: str = "last") -> dict[str, Any]:
    path = Path("lightning_logs") / name / "version_0" / "checkpoints" / f"{which}.ckpt"
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def plain(kind: tuple[type[Callback], dict[str, Any]], batch_norm: bool) -> Weights:
    """Return the weights that plain Lightning's training ends with."""
    off = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    module = Plain(batch_norm)
    Trainer(max_epochs=4, accelerator="cpu", callbacks=[kind[0](**kind[1])], **off).fit(  # type: ignore[arg-type]
        module, datamodule=Data(shuffle=False)
    )
    return module.state_dict()


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.filterwarnings("ignore")  # Lightning's own, which the command line filters
@pytest.mark.parametrize("kind", [EMA, SWA], ids=["EMA", "SWA"])
def test_a_resumed_run_ends_with_the_weights_of_one_that_went_through(
    kind: tuple[type[Callback], dict[str, Any]], app: App, folder: Path
) -> None:
    fit(app, folder, kind, "--name", "through")
    fit(app, folder, kind, "--name", "stopped", "--trainer.max_epochs", "2")
    assert app("fit", "--run", "stopped", "--trainer.max_epochs", "4").exit_code == 0
    through, stopped = saved("through"), saved("stopped")
    assert same(through["state_dict"], stopped["state_dict"])
    assert same(through.get("current_model_state", {}), stopped.get("current_model_state", {}))
    last = "last" if kind is EMA else "averaged"
    assert same(saved("stopped", last)["state_dict"], plain(kind, batch_norm=False))


@pytest.mark.filterwarnings("ignore")
def test_a_signal_during_a_validation_of_averaged_weights_saves_those_that_train(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(app, folder, EMA, "--name", "through")
    step, done = Interruption.on_validation_batch_end, list[int]()

    def stop(self: Interruption, trainer: Trainer, *arguments: Any) -> None:
        if trainer.current_epoch == 1 and not done:
            done.append(1)
            signal.raise_signal(signal.SIGTERM)
        step(self, trainer, *arguments)

    monkeypatch.setattr(Interruption, "on_validation_batch_end", stop)
    assert fit(app, folder, EMA, "--name", "stopped", exit_code=143)
    assert app("fit", "--run", "stopped").exit_code == 0
    through, stopped = saved("through"), saved("stopped")
    assert same(through["current_model_state"], stopped["current_model_state"])
    assert same(saved("through", "best")["state_dict"], saved("stopped", "best")["state_dict"])


@pytest.mark.filterwarnings("ignore")
def test_averaged_weights_that_were_not_validated_are_kept_and_named(app: App, folder: Path) -> None:
    result = fit(app, folder, SWA, "--name", "plain")
    averaged = Path("lightning_logs/plain/version_0/checkpoints/averaged.ckpt")
    assert str(averaged) in result.out
    assert "Unable" not in (averaged.parents[1] / "config.yaml").read_text()
    assert app("test", "--run", "plain", "--ckpt_path", averaged).exit_code == 0
    score = json.loads((averaged.parents[1] / "test.json").read_text())["test/loss"]
    module = Plain()
    module.load_state_dict(plain(SWA, batch_norm=False))
    inputs, targets = Data().test_dataloader().dataset.tensors
    assert score == pytest.approx(torch.nn.functional.mse_loss(module.net(inputs), targets).item())
    assert str(averaged) in app("test", "--run", "plain").out


@pytest.mark.filterwarnings("ignore")
def test_statistics_of_batch_norm_are_updated_as_by_lightning(app: App, folder: Path) -> None:
    fit(app, folder, SWA, "--name", "plain", "--model.batch_norm", "true")
    assert same(saved("plain", "averaged")["state_dict"], plain(SWA, batch_norm=True))
