"""A run that goes on: the same weights and files as if it had never stopped."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from support import PRODUCT, Result, read_csv
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from engine.errors import Interrupted
from engine.training.run_record import RunRecord

App = Callable[..., Result]
LOGS = Path("lightning_logs")
LR = "--model.init_args.optimizer.init_args.lr"


def fit(app: App, *arguments: str | Path) -> Result:
    result = app("fit", "--trainer.check_val_every_n_epoch", "2", *arguments)
    assert result.exit_code == 0, result.err
    return result


def weights(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return state


def rows(run: Path) -> list[dict[str, str]]:
    return read_csv(run / "metrics.csv")


def test_a_resumed_run_ends_with_the_weights_and_curves_of_one_that_went_through(app: App) -> None:
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "6", "--name", "through")
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "4", "--name", "stopped")
    fit(app, "--run", "stopped", "--trainer.max_epochs", "6")
    through, stopped = LOGS / "through" / "version_0", LOGS / "stopped" / "version_0"
    for name, value in weights(through).items():
        assert torch.equal(value, weights(stopped)[name]), name
    assert rows(through) == rows(stopped)
    assert [path.name for path in (LOGS / "stopped").iterdir()] == ["version_0"]


def test_a_resumed_run_records_what_changed(app: App) -> None:
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "2")
    before = json.loads((LOGS / "product/version_0/run.json").read_text())
    fit(app, "--run", "product", "--trainer.max_epochs", "4")
    after = json.loads((LOGS / "product/version_0/run.json").read_text())
    assert after["resumed"][0]["changed"] == {"trainer.max_epochs": "2 → 4"}
    assert after["resumed"][0]["epoch"] == 2
    assert after["wall_time_s"] > before["wall_time_s"]
    assert "max_epochs: 4" in (LOGS / "product/version_0/config.yaml").read_text()


def test_a_setting_that_the_restored_state_would_undo_is_refused(app: App) -> None:
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "2")
    config = (LOGS / "product/version_0/config.yaml").read_bytes()
    result = app("fit", "--run", "product", "--trainer.max_epochs", "4", LR, "0.1")
    assert result.exit_code == 2
    assert "optimizer.lr" in result.err
    assert "0.001 → 0.1" in result.err
    assert "--init_from product/version_0" in result.err
    assert (LOGS / "product/version_0/config.yaml").read_bytes() == config


SCHEDULER = "--model.init_args.lr_scheduler"
ONE_CYCLE = [SCHEDULER, "torch.optim.lr_scheduler.OneCycleLR", f"{SCHEDULER}.init_args.max_lr", "0.1"]


@pytest.mark.parametrize(
    ("schedule", "change", "words"),
    [
        (ONE_CYCLE, ["--trainer.max_epochs", "4"], ["OneCycleLR", "20 steps", "40"]),
        (ONE_CYCLE, ["--trainer.max_steps", "15"], ["OneCycleLR", "20 steps", "15"]),
        ([SCHEDULER, "app.schedules.WarmupCosine"], ["--trainer.max_epochs", "4"], ["WarmupCosine", "20 steps", "40"]),
        (
            [SCHEDULER, "app.schedules.WarmupCosine"],
            ["--data.init_args.batch_size", "50"],
            ["WarmupCosine", "20 steps", "40"],
        ),
    ],
)
def test_a_schedule_made_for_the_length_of_a_run_is_not_stretched(
    schedule: list[str], change: list[str], words: list[str], app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = interrupted(app, monkeypatch, "--config", PRODUCT, *schedule, "--trainer.max_epochs", "2")
    before = contents(run)
    result = app("fit", "--run", "product", *change)
    assert result.exit_code == 2
    for word in [*words, "--init_from product/version_0"]:
        assert word in result.err
    assert contents(run) == before


@pytest.mark.parametrize("schedule", [[], ONE_CYCLE, [SCHEDULER, "torch.optim.lr_scheduler.PolynomialLR"]])
def test_an_interrupted_run_goes_on_as_if_it_had_never_stopped(
    schedule: list[str], app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(app, "--config", PRODUCT, *schedule, "--trainer.max_epochs", "4", "--name", "through")
    run = interrupted(app, monkeypatch, "--config", PRODUCT, *schedule, "--trainer.max_epochs", "4")
    fit(app, "--run", "product")
    through = weights(LOGS / "through" / "version_0")
    assert all(torch.equal(value, weights(run)[name]) for name, value in through.items())
    losses = [row["train/loss"] for row in rows(LOGS / "through" / "version_0")]
    assert [row["train/loss"] for row in rows(run)] == losses


def contents(run: Path) -> dict[Path, bytes]:
    # Lightning opens an event file before anything else, and leaves it empty.
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and "tfevents" not in path.name}


def interrupted(app: App, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> Path:
    """Return a run that a signal ended in its last epoch."""
    with monkeypatch.context() as patch:
        patch.setattr(RunRecord, "on_train_batch_end", _interrupt_in_the_last_epoch)
        assert app("fit", "--trainer.check_val_every_n_epoch", "1", *arguments).exit_code == 130
    return LOGS / "product/version_0"


def _interrupt_in_the_last_epoch(record: RunRecord, trainer: Trainer, *_: object) -> None:
    if trainer.current_epoch + 1 == trainer.max_epochs:
        raise Interrupted(signal.SIGINT)


def test_init_from_starts_a_new_run_from_the_best_weights(app: App) -> None:
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "4")
    result = fit(app, "--init_from", "product/version_0", LR, "1e-12", "--trainer.max_epochs", "2")
    assert "weights from" in result.out
    old, new = weights(LOGS / "product/version_0"), weights(LOGS / "product/version_1")
    for name, value in old.items():
        torch.testing.assert_close(new[name].float(), value.float(), rtol=0, atol=1e-6)
    assert [row["epoch"] for row in rows(LOGS / "product/version_1")] == ["0", "1"]


def test_a_finished_run_says_how_to_go_on(app: App) -> None:
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "2")
    result = app("fit", "--run", "product")
    assert result.exit_code == 0
    assert "--trainer.max_epochs" in result.out


def test_a_run_without_a_checkpoint_cannot_be_resumed(app: App) -> None:
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "2")
    (LOGS / "product/version_0/checkpoints/last.ckpt").unlink()
    (LOGS / "product/version_0/checkpoints/best.ckpt").unlink()
    result = app("fit", "--run", "product")
    assert result.exit_code == 2
    assert "no checkpoint" in result.err


@pytest.mark.parametrize("epochs", [1, 3])
def test_the_last_epoch_is_validated_and_saved_whatever_the_interval(epochs: int, app: App) -> None:
    fit(app, "--config", PRODUCT, "--trainer.check_val_every_n_epoch", "10", "--trainer.max_epochs", str(epochs))
    run = LOGS / "product/version_0"
    assert rows(run)[-1]["val/loss"]
    assert torch.load(run / "checkpoints/best.ckpt", weights_only=True)["epoch"] == epochs - 1


def test_dropout_goes_on_as_if_the_run_had_never_stopped(app: App) -> None:
    dropout = ["--config", str(PRODUCT), "--model.init_args.network.init_args.dropout", "0.2"]
    fit(app, *dropout, "--trainer.max_epochs", "6", "--name", "through")
    fit(app, *dropout, "--trainer.max_epochs", "4", "--name", "stopped")
    fit(app, "--run", "stopped", "--trainer.max_epochs", "6")
    through, stopped = weights(LOGS / "through" / "version_0"), weights(LOGS / "stopped" / "version_0")
    assert all(torch.equal(value, stopped[name]) for name, value in through.items())


def test_results_of_an_older_best_are_renamed(app: App) -> None:
    run = LOGS / "product/version_0"
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "2")
    assert app("test", "--run", "product").exit_code == 0
    assert app("predict", "--run", "product").exit_code == 0
    scores = (run / "test.json").read_bytes()
    fit(app, "--run", "product", "--trainer.max_epochs", "4")
    assert (run / "test.epoch_1.json").read_bytes() == scores
    assert (run / "predictions.epoch_1.csv").is_file()
    assert not (run / "test.json").exists()
    assert not (run / "predictions.csv").exists()


def test_a_resume_that_fails_changes_nothing(app: App) -> None:
    run = LOGS / "product/version_0"
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "2")
    before = {name: (run / name).read_bytes() for name in ("config.yaml", "run.json", "metrics.csv")}
    result = app("fit", "--run", "product", "--trainer.max_epochs", "4", "--data.init_args.train_size", "1")
    assert result.exit_code == 3
    assert {name: (run / name).read_bytes() for name in before} == before


def test_tensorboard_has_every_step_once_also_after_a_resume(app: App) -> None:
    fit(app, "--config", PRODUCT, "--trainer.max_epochs", "2")
    fit(app, "--run", "product", "--trainer.max_epochs", "4")
    events = EventAccumulator(str(LOGS / "product/version_0"))
    events.Reload()
    losses = events.Scalars("train/loss")
    assert [event.step for event in losses] == [9, 19, 29, 39]
    logged = [float(row["train/loss"]) for row in rows(LOGS / "product/version_0")]
    assert [event.value for event in losses] == pytest.approx(logged)
