"""What was written for plain Lightning trains here as it does there, and has all that a run has."""

import json
import logging
import math
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from foreign import modules
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from support import Result, read_csv

App = Callable[..., Result]
Weights = dict[str, torch.Tensor]
RUN = Path("lightning_logs/own/version_0")
OF_STEPS = ("train_loss", "loss")  # logged now and then only
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


@dataclass(frozen=True, eq=False)
class Brought:
    """A module, its data, and what can be expected of them.

    `best` is the metric that best.ckpt goes by, None for the newest epoch; `rows` is how many samples are predicted.
    """

    model: str
    data: str | None = "HousesData"
    best: str | None = "val_loss"
    trainer: dict[str, Any] = field(default_factory=dict)
    logs: bool = True
    tests: bool = True
    rows: int = 20

    def config(self, **more: Any) -> Path:
        """Write the config that a user would write first."""
        settings = {"trainer": {"max_epochs": 3, **self.trainer}, **more}
        settings["model"] = {"class_path": f"foreign.modules.{self.model}"}
        if self.data is not None:
            settings["data"] = {"class_path": f"foreign.modules.{self.data}"}
        path = Path("own.yaml")
        path.write_text(yaml.safe_dump(settings))
        return path


SUITE = [
    Brought("LitRegressor"),
    Brought("LitRegressor", trainer={"gradient_clip_val": 0.1, "accumulate_grad_batches": 2}),
    Brought("LitRegressor", trainer={"val_check_interval": 2}),
    Brought("LitRegressor", trainer={"reload_dataloaders_every_n_epochs": 1}),
    Brought("LitRegressor", "StreamData", rows=6),
    Brought("LitRegressor", "StreamData", trainer={"max_epochs": -1, "max_steps": 10}, rows=6),
    Brought("LitRegressor", "NoisyData"),
    Brought("LitRegressor", "WorkersData"),
    Brought("LitRegressor", "SeededData"),
    Brought("TrainingOnly", "TrainingOnlyData", best=None),
    Brought("OwnLoaders", data=None),
    Brought("TwoCities", "TwoCitiesData", best=None, rows=28),
    Brought("OfRecords", "RecordsData", best=None, rows=12),
    Brought("Silent", best=None, logs=False, tests=False),
    Brought("OddNames", best="validation loss"),
    Brought("Gan", "PointsData", best=None, tests=False, rows=0),
    Brought("Warmup"),
    Brought("TwoSchedules"),
    Brought("Plateau", best="loss/valid"),
    Brought("PlateauOfTraining"),
    Brought("Classifier", best=None, tests=False),
    Brought("ImageClassifier", "ImagesData", best="loss/val", rows=12),
    Brought("ImageClassifier", "ImagesData", best="loss/val", rows=12, trainer={"precision": "bf16-true"}),
    Brought("ShortEpochs", best=None),
    Brought("FrozenBackbone"),
    Brought("LateModel"),
    Brought("LazyModel"),
    Brought("SometimesNothing"),
    Brought("Paired", "PairedData"),
    Brought("Hooks"),
]
NAMES = ["-".join(filter(None, [row.model, row.data, *row.trainer])) for row in SUITE]
# Each trains and resumes in a way of its own; the others are run with the slow tests.
QUICK = ("Gan", "Plateau", "ShortEpochs", "FrozenBackbone", "StreamData", "NoisyData", "SeededData", "SometimesNothing")
each = pytest.mark.parametrize(
    "brought",
    [
        pytest.param(row, id=name, marks=[] if set(QUICK) & {row.model, row.data} else pytest.mark.slow)
        for row, name in zip(SUITE, NAMES, strict=True)
    ],
)


class Stop(Callback):
    """Ends a run once, by a signal, when its first epoch has ended."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 0:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def as_a_user() -> Iterator[None]:
    """Let Lightning warn of what the modules do, as it does outside of tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Reference:
    """What Lightning's own Trainer ends with."""

    last: Weights
    best: Weights
    metrics: dict[str, float]
    scores: dict[str, float]


@cache
def plain(brought: Brought) -> Reference:
    """Train with Lightning alone, once for all tests."""
    logging.getLogger("lightning").setLevel(logging.ERROR)
    seed_everything(0, workers=True, verbose=False)
    data = getattr(modules, brought.data)() if brought.data else None
    model: LightningModule = getattr(modules, brought.model)()
    keep = ModelCheckpoint("plain", monitor=brought.best, save_weights_only=True)
    trainer = Trainer(**{"max_epochs": 3, **brought.trainer, **QUIET, "callbacks": [keep]})
    trainer.fit(model, datamodule=data)
    last = {name: value.clone() for name, value in model.state_dict().items()}
    best = torch.load(keep.best_model_path)["state_dict"] if brought.best else last
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    model.load_state_dict(best, strict=model.strict_loading)
    scores = trainer.test(model, datamodule=data, verbose=False) if brought.tests else []
    return Reference(last, best, metrics, {name: value for each in scores for name, value in each.items()})


def weights(name: str) -> Weights:
    state: Weights = torch.load(RUN / f"checkpoints/{name}.ckpt", weights_only=True)["state_dict"]
    return state


def different(found: Weights, expected: Weights) -> list[str]:
    assert found.keys() == expected.keys()
    return [name for name in expected if not torch.equal(found[name], expected[name])]


@pytest.mark.dashboard
@each
def test_it_ends_with_the_weights_and_numbers_of_plain_lightning(brought: Brought, app: App) -> None:
    expected = plain(brought)
    result = app("fit", "--config", brought.config())
    assert result.exit_code == 0, result.err
    has_test_step = getattr(modules, brought.model).test_step is not LightningModule.test_step
    assert (" test --run own" in result.out, " predict --run own" in result.out) == (has_test_step, brought.rows > 0)
    assert different(weights("last"), expected.last) == []
    assert different(weights("best"), expected.best) == []
    record = json.loads((RUN / "run.json").read_text())
    assert record["status"] == "finished"
    assert (record["best"] or {}).get("monitor") == brought.best
    assert list(RUN.glob("events*"))
    if brought.logs:
        rows = read_csv(RUN / "metrics.csv")
        logged = {name: [float(row[name]) for row in rows if row[name]][-1] for name in rows[0]}
        for name, value in expected.metrics.items():
            if f"{name}_epoch" not in expected.metrics:
                assert logged[name] == value or name in OF_STEPS, name
    if brought.tests:
        assert app("test", "--run", "own").exit_code == 0
        assert json.loads((RUN / "test.json").read_text()) == expected.scores
    if brought.rows:
        result = app("predict", "--run", "own")
        assert result.exit_code == 0, result.err
        assert len(read_csv(RUN / "predictions.csv")) == brought.rows


@each
def test_stopped_between_epochs_it_ends_with_the_same_weights(brought: Brought, app: App) -> None:
    stop = {"stop": {"class_path": "foreign.test_same_weights.Stop"}}
    assert app("fit", "--config", brought.config(callbacks=stop)).exit_code == 143
    saved = torch.load(RUN / "checkpoints/last.ckpt", weights_only=True)
    assert 0 < saved["global_step"] < math.inf
    result = app("fit", "--run", "own")
    assert result.exit_code == 0, result.err
    assert different(weights("last"), plain(brought).last) == []
    assert different(weights("best"), plain(brought).best) == []
