"""Whatever the loader is: what a run has trained and written survives a signal and a kill."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from support import NO_DASHBOARD, Result, read_csv
from support.events import scalars

from engine.training.interruption import Interruption

App = Callable[..., Result]
RUN = Path("lightning_logs/plain/version_0")
MODEL = ["--model", "support.plain.Plain", "--callbacks.diagnosis", "null", "--name", "plain"]
# 40 batches an epoch; the signal comes in the middle of one.
LOADERS = {
    "an ordinary loader": ["--data", "support.plain.Data"],
    "workers": ["--data", "support.plain.Data", "--data.num_workers", "2"],
    "an iterable": ["--data", "support.plain.Streamed"],
    "two loaders": ["--data", "support.plain.Combined"],
    "one epoch": [
        *["--data", "support.plain.Data", "--data.batches", "80"],
        *["--trainer.max_epochs", "1", "--trainer.val_check_interval", "0.125"],
    ],
    "a number of steps": [
        *["--data", "support.plain.Streamed", "--data.samples", "null", "--trainer.max_steps", "80"],
        *["--trainer.max_epochs", "-1", "--trainer.val_check_interval", "10"],
    ],
    "a limit": ["--data", "support.plain.Streamed", "--data.samples", "null", "--trainer.limit_train_batches", "40"],
    "a loader that knows its position": ["--data", "support.plain.Known"],
}
SLOW = ("two loaders",)


def config(folder: Path) -> list[str]:
    (folder / "plain.yaml").write_text("trainer: {max_epochs: 2, log_every_n_steps: 1, accelerator: cpu}\n")
    return ["fit", "--config", "plain.yaml", *MODEL, *NO_DASHBOARD]


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[], Any]) -> list[Any]:
    """Have something happen once after a step; return the modules that were trained."""
    listen, modules = Interruption.on_train_batch_end, list[Any]()
    done: list[int] = []

    def act(self: Interruption, trainer: Trainer, *arguments: Any) -> None:
        if trainer.lightning_module not in modules:
            modules.append(trainer.lightning_module)
        if trainer.global_step == step and not done:
            done.append(step)
            action()
        listen(self, trainer, *arguments)

    monkeypatch.setattr(Interruption, "on_train_batch_end", act)
    return modules


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


def last() -> dict[str, Any]:
    content: dict[str, Any] = torch.load(RUN / "checkpoints/last.ckpt", weights_only=True)
    return content


def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RUN / "run.json").read_text())
    return found


@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.slow) if k in SLOW else k for k in LOADERS])
def test_a_signal_loses_no_step_and_no_row(kind: str, app: App, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = at_step(monkeypatch, 56, terminate)
    assert app(*config(folder), *LOADERS[kind]).exit_code == 143
    saved, rows, best = last(), read_csv(RUN / "metrics.csv"), record()["best"]
    assert saved["global_step"] == 56
    assert len(rows) == 56
    result = app("fit", "--run", "plain")
    assert result.exit_code == 0, result.err
    exact = "position" in kind
    assert ("drawn anew" in result.out) == (not exact)
    assert ("rest_of_epoch" in record()["resumed"][0]) == (not exact)
    assert record()["resumed"][0]["step"] == 56
    after = read_csv(RUN / "metrics.csv")
    assert [{name: row[name] for name in rows[0]} for row in after[: len(rows)]] == rows
    assert [int(row["step"]) for row in after] == list(range(record()["steps"]))
    assert list(scalars(RUN, "train/loss")) == list(range(record()["steps"]))
    assert record()["best"]["score"] <= best["score"]
    if kind == "an iterable":  # which begins anew
        assert record()["steps"] == 56 + 40
    else:
        assert record()["steps"] == 80
        assert len(modules[1].seen) == 24
    if kind == "an ordinary loader":
        assert len({*modules[0].seen[40:], *modules[1].seen}) > 20  # not the same once more


def test_a_position_that_the_loader_knows_is_exact_even_where_a_batch_was_fetched_ahead(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*config(folder), *LOADERS["a loader that knows its position"]]
    through = at_step(monkeypatch, 1000, terminate)
    assert app(*words, "--name", "through").exit_code == 0
    modules = at_step(monkeypatch, 56, terminate)
    assert app(*words).exit_code == 143
    assert app("fit", "--run", "plain").exit_code == 0
    assert [*modules[0].seen, *modules[1].seen] == through[0].seen


def test_between_epochs_the_order_of_an_ordinary_loader_goes_on(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*config(folder), *LOADERS["workers"]]
    through = at_step(monkeypatch, 1000, terminate)
    assert app(*words, "--trainer.max_epochs", "4", "--name", "through").exit_code == 0
    modules = at_step(monkeypatch, 1000, terminate)
    assert app(*words).exit_code == 0
    assert app("fit", "--run", "plain", "--trainer.max_epochs", "4").exit_code == 0
    assert [*modules[0].seen, *modules[1].seen] == through[0].seen
    weights = torch.load("lightning_logs/through/version_0/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(value, weights[name]) for name, value in last()["state_dict"].items())


def test_time_saves_inside_an_epoch(app: App, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill() -> None:
        raise KeyboardInterrupt

    at_step(monkeypatch, 56, kill)
    assert app(*config(folder), *LOADERS["an iterable"], "--callbacks.checkpoint.every_minutes", "0").exit_code == 130
    assert last()["global_step"] == 55


@pytest.mark.parametrize("epochs", ["1", "9"])
def test_a_run_whose_time_is_up_goes_on_inside_its_epoch(epochs: str, app: App, folder: Path) -> None:
    words = [*config(folder), "--data", "support.plain.Data", "--data.batches", "150", "--trainer.max_epochs", epochs]
    result = app(*words, "--model", "support.plain.Slow", "--trainer.max_time", "00:00:00:01")
    assert result.exit_code == 0, result.err
    assert "time is up" in result.out
    assert (record()["status"], record()["reason"]) == ("finished", "time is up")
    steps, rows = last()["global_step"], read_csv(RUN / "metrics.csv")
    assert record()["steps"] == steps < 150
    assert "has trained for its time" in app("fit", "--run", "plain").out
    assert app("fit", "--run", "plain", "--trainer.max_time", "00:01:00:00", "--trainer.max_epochs", "1").exit_code == 0
    assert record()["reason"] == "trained to the end"
    assert record()["steps"] == last()["global_step"] == 150
    after = read_csv(RUN / "metrics.csv")
    assert [{name: row[name] for name in rows[0]} for row in after[: len(rows)]] == rows


def test_a_best_that_is_newer_than_the_checkpoint_to_resume_from_is_kept(app: App, folder: Path) -> None:
    words = [*config(folder), "--data", "support.plain.Data"]
    path, older = RUN / "checkpoints/last.ckpt", folder / "older.ckpt"
    assert app(*words, "--trainer.max_epochs", "1").exit_code == 0
    path.rename(older)
    shutil.copy(older, path)
    assert app("fit", "--run", "plain", "--trainer.max_epochs", "4").exit_code == 0
    best, score = (RUN / "checkpoints/best.ckpt").read_bytes(), record()["best"]["score"]
    shutil.copy(older, path)  # as a run is left that was killed before it saved its last
    assert app("fit", "--run", "plain", "--trainer.max_epochs", "2").exit_code == 0
    assert (RUN / "checkpoints/best.ckpt").read_bytes() == best
    assert record()["best"]["score"] == score
    assert last()["callbacks"]["BestAndLast"]["best"]["score"] == score
