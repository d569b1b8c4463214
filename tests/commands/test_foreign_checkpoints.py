"""Checkpoints of modules that save a part of their weights, arrays of numpy, or objects of their own."""

from collections.abc import Callable
from pathlib import Path

import torch
from support import NO_DASHBOARD, Result

App = Callable[..., Result]
RUN = Path("lightning_logs/plain/version_0")


def fit(app: App, folder: Path, model: str, *words: str) -> Result:
    (folder / "plain.yaml").write_text("trainer: {max_epochs: 2, accelerator: cpu}\n")
    named = ["--model", f"support.plain.{model}", "--data", "support.plain.Data", "--callbacks.diagnosis", "null"]
    return app("fit", "--config", "plain.yaml", *named, *NO_DASHBOARD, *words)


def test_a_module_that_saves_a_part_of_its_weights_is_scored_and_resumed(app: App, folder: Path) -> None:
    assert fit(app, folder, "Partial").exit_code == 0
    assert list(torch.load(RUN / "checkpoints/last.ckpt", weights_only=True)["state_dict"]) == [
        "net.2.weight",
        "net.2.bias",
    ]
    for words in (
        ["test", "--run", "plain"],
        ["fit", "--run", "plain", "--trainer.max_epochs", "3"],
        ["fit", "--init_from", "plain"],
    ):
        result = app(*words)
        assert result.exit_code == 0, result.err


def test_arrays_of_numpy_come_back_as_they_were_saved(app: App, folder: Path) -> None:
    assert fit(app, folder, "Arrays").exit_code == 0
    assert app("test", "--run", "plain").exit_code == 0
    assert app("fit", "--run", "plain", "--trainer.max_epochs", "3").exit_code == 0


def test_an_object_that_is_not_loaded_safely_is_refused_before_training(app: App, folder: Path) -> None:
    result = fit(app, folder, "Objects")
    assert result.exit_code == 2
    assert "kept.mine.0 is of class support.plain.Own" in result.err
    assert "--trust" in result.err
    assert not RUN.exists()


def test_trust_trains_and_loads_objects_of_ones_own(app: App, folder: Path) -> None:
    assert fit(app, folder, "Objects", "--trust").exit_code == 0
    commands = (["test"], ["validate"], ["fit", "--trainer.max_epochs", "3"])
    for name, *words in commands:
        result = app(name, "--run", "plain", *words)
        assert result.exit_code == 2
        assert "--trust" in result.err
    for name, *words in commands:
        result = app(name, "--run", "plain", *words, "--trust")
        assert result.exit_code == 0, result.err
