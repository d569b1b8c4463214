"""Settings: what wins, what the defaults may be changed to, and that no key is ignored in silence."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import Trainer
from support import BRIEF, PRODUCT, Result, read_csv

from engine.training.best_and_last import BestAndLast

App = Callable[..., Result]
RUN = Path("lightning_logs/product/version_0")
FIT = ["fit", "--config", str(PRODUCT), *BRIEF]


def saved() -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((RUN / "config.yaml").read_text())
    return settings


def test_later_configs_beat_earlier_ones_and_the_command_line_beats_all(app: App, folder: Path) -> None:
    (folder / "a.yaml").write_text("seed_everything: 5\ndata: {init_args: {batch_size: 50}}")
    before = app("fit", "--data.init_args.test_size", "7", "--seed_everything", "9", *FIT[1:], "--config", "a.yaml")
    assert before.exit_code == 0, before.err
    assert saved()["seed_everything"] == 9
    assert saved()["data"]["init_args"]["batch_size"] == 50
    assert saved()["data"]["init_args"]["test_size"] == 7


def test_the_saved_settings_are_complete_and_run_again_by_themselves(app: App) -> None:
    assert app(*FIT).exit_code == 0
    assert saved()["callbacks"]["checkpoint"]["init_args"]["monitor"] == "val/loss"
    assert saved()["model"]["init_args"]["network"]["init_args"]["dropout"] == 0
    again = app("fit", "--config", RUN / "config.yaml", "--name", "again")
    assert again.exit_code == 0, again.err
    assert Path("lightning_logs/again/version_0/metrics.csv").read_text() == (RUN / "metrics.csv").read_text()


def test_another_metric_decides_which_is_best(app: App) -> None:
    checkpoint = "--callbacks.checkpoint.init_args"
    assert app(*FIT, f"{checkpoint}.monitor", "val/r2", f"{checkpoint}.mode", "max").exit_code == 0
    assert "val/r2" in app("test", "--run", "product").out


@pytest.mark.parametrize(
    "switches",
    [
        ["--callbacks.checkpoint", "null", "--callbacks.progress", "null", "--callbacks.summary", "null"],
        [f"--trainer.enable_{part}=false" for part in ("checkpointing", "progress_bar", "model_summary")],
    ],
)
def test_default_callbacks_can_be_switched_off(switches: list[str], app: App) -> None:
    result = app(*FIT, *switches)
    assert result.exit_code == 0, result.err
    assert not (RUN / "checkpoints").exists()
    assert "epoch 0 " not in result.out
    assert "parameters" not in result.out


@pytest.mark.dashboard
def test_without_loggers_nothing_is_logged(app: App) -> None:
    result = app(*FIT, "--trainer.logger", "false", "--callbacks.learning_rate", "null")
    assert result.exit_code == 0, result.err
    assert {path.name for path in RUN.iterdir()} == {".lock", "checkpoints", "config.yaml", "figures", "run.json"}


def test_early_stopping_is_off_until_it_is_configured(app: App, folder: Path) -> None:
    (folder / "stop.yaml").write_text(
        "callbacks: {early_stopping: {class_path: lightning.pytorch.callbacks.EarlyStopping,"
        " init_args: {monitor: val/loss, patience: 1, min_delta: 100}}}"
    )
    assert app(*FIT).exit_code == 0
    stopped = app(*FIT, "--config", "stop.yaml", "--trainer.max_epochs", "50")
    assert stopped.exit_code == 0, stopped.err
    record = Path("lightning_logs/product/version_1/run.json").read_text()
    assert "stopped early" in record
    assert '"epochs": 4' in record


def test_more_callbacks_join_the_defaults(app: App, folder: Path) -> None:
    result = app(*FIT, "--trainer.callbacks+", "lightning.pytorch.callbacks.ModelCheckpoint")
    assert result.exit_code == 0, result.err
    assert "epoch 0 " in result.out
    assert {path.name for path in (RUN / "checkpoints").iterdir()} >= {"best.ckpt", "last.ckpt", "epoch=3-step=40.ckpt"}
    assert [path.name for path in folder.iterdir()] == ["lightning_logs"]


def test_a_dry_run_keeps_nothing(app: App, folder: Path) -> None:
    result = app(*FIT, "--trainer.fast_dev_run", "2")
    assert result.exit_code == 0, result.err
    assert "nothing is kept" in result.out
    assert list(folder.iterdir()) == []


def test_each_line_shows_the_learning_rate_of_its_own_epoch(app: App) -> None:
    scheduler = "--model.init_args.lr_scheduler"
    steps = [
        scheduler,
        "torch.optim.lr_scheduler.StepLR",
        f"{scheduler}.init_args.step_size=1",
        f"{scheduler}.init_args.gamma=0.1",
    ]
    lines = [line for line in app(*FIT, *steps).out.splitlines() if line.startswith("epoch ")]
    assert [line.split("learning_rate ")[1] for line in lines] == ["0.001", "0.0001", "1e-05", "1e-06"]
    assert [float(row["learning_rate"]) for row in read_csv(RUN / "metrics.csv")] == pytest.approx(
        [1e-3, 1e-4, 1e-5, 1e-6]
    )


def test_lines_and_checkpoints_come_as_often_as_asked(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    saved_after: list[int] = []
    save = BestAndLast.save

    def counted(self: BestAndLast, trainer: Trainer, name: str) -> None:
        if name == "last":
            saved_after.append(trainer.current_epoch)
        save(self, trainer, name)

    monkeypatch.setattr(BestAndLast, "save", counted)
    often = [
        "--callbacks.progress.init_args.every_n_epochs",
        "3",
        "--callbacks.checkpoint.init_args.every_n_epochs",
        "1",
    ]
    result = app(*FIT, *often)
    assert [line.split()[1] for line in result.out.splitlines() if line.startswith("epoch ")] == ["2", "3"]
    assert saved_after == [0, 1, 2, 3, 4]  # before the first step, too
    saved_after.clear()
    monkeypatch.setattr("engine.training.best_and_last.MAX_SAVE_FRACTION", math.inf)  # however long it takes
    app(*FIT)  # validated every 2 of 4 epochs
    assert saved_after == [0, 2, 4]


def test_a_line_every_zero_epochs_is_refused(app: App) -> None:
    result = app(*FIT, "--callbacks.progress.init_args.every_n_epochs", "0")
    assert result.exit_code == 2
    assert "every_n_epochs" in result.err
