"""Callbacks of Lightning, named in a config: they do what they do in plain Lightning, in fit, test and on resume."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from support import Result, brought
from support.brought import callback

App = Callable[..., Result]
RUN = Path("lightning_logs/plain/version_0")
EACH: dict[str, dict[str, Any]] = {
    "a checkpoint of its own": callback("ModelCheckpoint", save_top_k=-1),
    "a checkpoint in a folder of its own": callback("ModelCheckpoint", dirpath="kept", monitor="val/loss"),
    "a checkpoint with / in its name": callback("ModelCheckpoint", filename="a/{val/loss:.2f}", monitor="val/loss"),
    "averaged weights": callback("EMAWeightAveraging"),
    "stochastic weight averaging": callback("StochasticWeightAveraging", swa_lrs=0.01),
    "fine-tuning": callback("BackboneFinetuning", unfreeze_backbone_at_epoch=1),
    "a timer": callback("Timer", duration="00:01:00:00"),
    "throughput": callback("ThroughputMonitor", batch_size_fn="builtins.len"),
    "a rich bar": callback("RichProgressBar"),
    "a bar of tqdm": callback("TQDMProgressBar"),
    "a rich summary": callback("RichModelSummary", max_depth=2),
    "early stopping": callback("EarlyStopping", monitor="val/loss"),
    "accumulated gradients": callback("GradientAccumulationScheduler", scheduling={1: 2}),
    "learning rates": callback("LearningRateMonitor"),
    "pruning": callback("ModelPruning", pruning_fn="l1_unstructured", amount=0.5),
    "a rate that is found": callback("LearningRateFinder", num_training_steps=20, min_lr=1e-4),
    "a batch size that is found": callback("BatchSizeFinder", max_trials=2),
}
QUICK = ("a checkpoint of its own", "averaged weights", "stochastic weight averaging", "a timer", "early stopping")


@pytest.fixture(autouse=True)
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)


@pytest.mark.filterwarnings("ignore:When using the `ThroughputMonitor`")  # it would like to know operations
@pytest.mark.parametrize(
    "which", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in EACH]
)
def test_each_trains_tests_and_resumes(which: str, app: App, folder: Path) -> None:
    config = brought.write(folder, callbacks=[EACH[which]])
    for words in (
        ["fit", "--config", config],
        ["test", "--config", config],
        ["fit", "--run", "plain", "--trainer.max_epochs", "3"],
        ["test", "--run", "plain"],
    ):
        result = app(*words)
        assert result.exit_code == 0, (words, result.err)
        assert "Unable to serialize" not in result.err
    assert (RUN / "checkpoints/best.ckpt").is_file()
    assert (RUN / "test.json").is_file()


def test_a_checkpoint_is_written_where_its_callback_says(app: App, folder: Path) -> None:
    own = callback("ModelCheckpoint", dirpath="kept", filename="a/{epoch}")
    assert app("fit", "--config", brought.write(folder, callbacks=[own])).exit_code == 0
    assert list(Path("kept").rglob("*.ckpt")) == [Path("kept/a/epoch=1.ckpt")]
    assert {path.name for path in (RUN / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}


def test_what_a_callback_is_missing_is_said_with_how_to_install_it(app: App, folder: Path) -> None:
    if find_spec("psutil"):
        pytest.skip("it is installed")
    result = app("fit", "--config", brought.write(folder, callbacks=[callback("DeviceStatsMonitor")]))
    assert result.exit_code == 2
    [line] = result.err.splitlines()
    assert "psutil" in line
    assert "pip install" in line


def test_two_callbacks_that_cannot_be_told_apart_are_refused_in_a_line(app: App, folder: Path) -> None:
    twice = [callback("ModelCheckpoint", filename=name) for name in ("a", "b")]
    result = app("fit", "--config", brought.write(folder, callbacks=twice))
    assert result.exit_code == 2
    assert "more than one stateful callback of type `ModelCheckpoint`" in result.err


def test_settings_hold_what_the_parser_has_no_text_for(app: App, folder: Path) -> None:
    own = [EACH["a timer"], EACH["pruning"], EACH["stochastic weight averaging"]]
    result = app("fit", "--config", brought.write(folder, callbacks=own))
    assert result.exit_code == 0, result.err
    saved = yaml.safe_load((RUN / "config.yaml").read_text())["trainer"]["callbacks"]
    found = {part["class_path"].rpartition(".")[2]: part["init_args"] for part in saved}
    assert found["Timer"]["interval"] == "step"
    assert found["ModelPruning"]["pruning_fn"] == "l1_unstructured"
    assert found["StochasticWeightAveraging"]["device"] == "cpu"


OBJECTS = """
class Objects(Net):
    def __init__(self, activation=nn.ReLU(), loss: nn.Module = nn.MSELoss(), scale=lambda x: x):
        super().__init__()
        assert activation(torch.ones(1)) == loss(torch.ones(1), torch.zeros(1)) == scale(1)
"""


def test_an_object_as_a_default_stays_the_default(app: App, folder: Path) -> None:
    assert app("fit", "--config", brought.write(folder, OBJECTS, model="Objects")).exit_code == 0
    for words in (["test", "--run", "plain"], ["fit", "--run", "plain", "--trainer.max_epochs", "3"]):
        result = app(*words)
        assert result.exit_code == 0, result.err


def test_a_resumed_run_goes_on_with_what_was_found(app: App, folder: Path) -> None:
    found = [EACH["a rate that is found"], EACH["a batch size that is found"]]
    config = brought.write(folder, callbacks=found)
    assert app("fit", "--config", config, "--trainer.max_epochs", "3").exit_code == 0
    for words in (["--config", config], ["--run", "plain/version_1", "--trainer.max_epochs", "3"]):
        assert app("fit", *words).exit_code == 0
    whole, resumed = (
        torch.load(f"lightning_logs/plain/version_{number}/checkpoints/last.ckpt", weights_only=True)
        for number in range(2)
    )
    assert whole["global_step"] == resumed["global_step"]
    for name, weight in whole["state_dict"].items():
        assert torch.equal(weight, resumed["state_dict"][name])


WORDS = """
def greets(trainer, pl_module):
    print("a line of a function")


class Words(pl.Callback):
    def on_train_end(self, trainer, pl_module):
        pl.utilities.rank_zero_info("a line of mine")
"""


def test_what_callbacks_report_is_shown_and_lightning_s_notices_are_not(app: App, folder: Path) -> None:
    stops = callback("EarlyStopping", monitor="val/loss", verbose=True)
    own = [callback("plain.Words"), callback("LambdaCallback", on_train_end="plain.greets")]
    report = [EACH["a rate that is found"], EACH["a batch size that is found"], stops, *own]
    config = brought.write(folder, WORDS, callbacks=report)
    result = app("fit", "--config", config)
    assert result.exit_code == 0, result.err
    for line in (
        "Learning rate set to",
        "using batch size 4",
        "Metric val/loss improved",
        "a line of mine",
        "of a function",
    ):
        assert line in result.out
    shown = result.out + app("fit", "--run", "plain", "--trainer.max_epochs", "3").out
    for notice in ("Tip", "GPU available", "Seed set", "`Trainer.fit` stopped", "Restor"):
        assert notice not in shown
