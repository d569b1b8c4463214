"""Runs of an older version, whose classes, settings and arguments had other names and places."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import BRIEF, PRODUCT, PROJECT, Result, read_csv

App = Callable[..., Result]
RUN = Path("lightning_logs/product/version_0")
MOVED = {
    **dict.fromkeys(("TensorBoard", "MetricsFile"), "app.loggers"),
    **dict.fromkeys(("BestAndLast", "Progress", "LearningRate", "Summary"), "app.callbacks"),
    **dict.fromkeys(("StopOnDivergence", "Diagnosis", "PredictionsFile"), "app.callbacks"),
    **dict.fromkeys(("Settings", "Graph", "InputBatch", "Scalars", "Histograms", "FeatureMaps"), "app.panels"),
    **dict.fromkeys(("Fit", "Confusion", "Curves", "Boundary", "Misclassified", "Continuation"), "app.panels"),
    "HParams": "app.panels",
    "Product": "app.data",
    "Tabular": "app.data",
}


def older(value: Any) -> Any:
    """Return settings with the class paths that they had before."""
    if isinstance(value, list):
        return [older(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: old_path(item) if key == "class_path" else older(item) for key, item in value.items()}


def old_path(path: str) -> str:
    name = path.rpartition(".")[2]
    return "app.callbacks.LeanLoop" if name == "FastLoop" else f"{MOVED[name]}.{name}" if name in MOVED else path


def make_older(run: Path, change: Callable[[dict[str, Any]], None] = lambda settings: None) -> None:
    """Write the settings of a run as they were before."""
    settings = older(yaml.safe_load((run / "config.yaml").read_text()))
    settings["callbacks"]["lean_loop"] = settings["callbacks"].pop("fast_loop")
    del settings["dashboard"]["training_curves"]
    change(settings)
    text = yaml.safe_dump(settings)
    assert "engine." not in text
    (run / "config.yaml").write_text(text)


def add_what_is_gone(settings: dict[str, Any]) -> None:
    settings["dashboard"]["settings"] = {"class_path": "app.panels.Settings", "init_args": {"every_n_epochs": None}}


@pytest.mark.dashboard
def test_an_older_run_is_tested_predicted_and_resumed(app: App) -> None:
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    assert app("test", "--run", "product").exit_code == 0
    assert app("predict", "--run", "product").exit_code == 0
    scores, rows = json.loads((RUN / "test.json").read_text()), read_csv(RUN / "predictions.csv")
    make_older(RUN, add_what_is_gone)
    (RUN / "test.json").unlink()
    (RUN / "predictions.csv").unlink()
    for command in ("test", "predict"):
        result = app(command, "--run", "product")
        assert result.exit_code == 0, result.err
        assert "changed since training" not in result.out
    assert json.loads((RUN / "test.json").read_text()) == scores
    assert read_csv(RUN / "predictions.csv") == rows
    resumed = app("fit", "--run", "product", "--trainer.max_epochs", "6")
    assert resumed.exit_code == 0, resumed.err
    epochs = [row["epoch"] for row in read_csv(RUN / "metrics.csv") if row["epoch"]]
    assert epochs == list("012345")
    assert "app.callbacks" not in (RUN / "config.yaml").read_text()
    record = json.loads((RUN / "run.json").read_text())
    changed = record["resumed"][0]["changed"]  # a panel that there was not before is one
    assert [key for key in changed if "training_curves" not in key] == ["trainer.max_epochs"]


def test_an_argument_of_an_older_run_has_its_new_name(app: App) -> None:
    def rename(settings: dict[str, Any]) -> None:
        arguments = settings["data"]["init_args"]
        arguments["whole"] = arguments.pop("all_rows")

    config = PROJECT / "configs/tabular.yaml"
    assert app("fit", "--config", config, "--trainer.max_epochs", "1").exit_code == 0
    run = Path("lightning_logs/tabular/version_0")
    make_older(run, rename)
    result = app("test", "--run", "tabular")
    assert result.exit_code == 0, result.err
    assert "changed since training" not in result.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--config", PROJECT / "configs/tabular.yaml", "--data.whole", "true"], "data.whole is called all_rows"),
        (["--config", PRODUCT, "--callbacks.lean_loop", "null"], "callbacks.lean_loop is called fast_loop now"),
    ],
)
def test_an_old_name_on_the_command_line_is_answered_with_the_new_one(words: list[Any], told: str, app: App) -> None:
    result = app("fit", *words)
    assert result.exit_code == 2
    assert told in result.err
    assert len(result.err.splitlines()) == 1
