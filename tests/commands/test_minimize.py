"""Minimization by the command line: where it stops, what it reports, and the figures of paths."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import PROJECT, Result, read_csv
from support.events import read_json

App = Callable[..., Result]
MINIMIZE, VALLEY = PROJECT / "configs/minimize.yaml", PROJECT / "configs/valley.yaml"
LOGS = Path("lightning_logs")


def gradient(x: float) -> float:
    return abs(4 * x**3 - 9 * x**2)


def test_it_stops_at_the_first_step_where_the_function_is_flat(app: App) -> None:
    assert app("fit", "--config", MINIMIZE).exit_code == 0
    assert app("test", "--config", MINIMIZE).exit_code == 0
    x, steps = torch.tensor(5.0, dtype=torch.float64), 0
    while gradient(x.item()) >= 1e-5:
        x -= 0.005 * (4 * x**3 - 9 * x**2)
        steps += 1
    run = LOGS / "minimize/version_0"
    scores = read_json(run / "test.json")
    assert scores["test/steps"] == steps
    assert scores["test/x"] == pytest.approx(2.25, abs=1e-6)
    assert scores["test/loss"] == pytest.approx(2.25**4 - 3 * 2.25**3 + 2)
    assert scores["test/gradient"] < 1e-5
    rows = read_csv(run / "metrics.csv")
    assert len(rows) == steps + 1  # a point before each step, and the last
    assert float(rows[-1]["train/x"]) == scores["test/x"]
    assert float(rows[0]["train/x"]) == 5
    assert float(rows[0]["train/loss"]) == 5**4 - 3 * 5**3 + 2
    assert float(rows[0]["train/gradient"]) == gradient(5)
    assert float(rows[1]["train/x"]) == pytest.approx(5 - 0.005 * gradient(5))


def test_where_it_is_not_flat_yet_no_number_of_steps_is_reported(app: App) -> None:
    assert app("fit", "--config", VALLEY, "--trainer.max_epochs", "20").exit_code == 0
    assert app("test", "--config", VALLEY).exit_code == 0
    scores = read_json(LOGS / "valley/version_0/test.json")
    assert scores.keys() == {"test/loss", "test/x", "test/y", "test/gradient"}


def test_a_path_that_is_interrupted_goes_on_as_if_it_had_not_been(app: App) -> None:
    words = ("fit", "--config", VALLEY, "--trainer.max_epochs")
    assert app(*words, "40", "--name", "whole").exit_code == 0
    assert app(*words, "15", "--name", "part").exit_code == 0
    assert app("fit", "--run", "part", "--trainer.max_epochs", "40").exit_code == 0
    for name in ("metrics.csv", "checkpoints/last.ckpt"):
        one, other = (LOGS / run / "version_0" / name for run in ("whole", "part"))
        if name.endswith("csv"):
            assert one.read_text() == other.read_text()
        else:
            states = [torch.load(path, weights_only=True)["state_dict"] for path in (one, other)]
            assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_function_of_ones_own_is_minimized_by_its_name(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    (folder / "mine.py").write_text(
        "from torch import Tensor\n\n\ndef bowl(v: Tensor) -> Tensor:\n    return (v - 3).square().sum(-1)\n"
    )
    words = (
        "--model.function",
        "mine.bowl",
        "--model.start",
        "[1, 2]",
        "--model.optimizer.lr",
        "0.1",
        "--name",
        "bowl",
    )
    assert app("fit", "--config", VALLEY, *words).exit_code == 0
    assert app("test", "--run", "bowl").exit_code == 0
    scores = read_json(LOGS / "bowl/version_0/test.json")
    assert (scores["test/x"], scores["test/y"]) == (pytest.approx(3, abs=1e-4), pytest.approx(3, abs=1e-4))


def test_a_function_that_is_misspelt_is_named_with_the_nearest(app: App) -> None:
    result = app("fit", "--config", MINIMIZE, "--model.function", "app.functions.quartc")
    assert result.exit_code == 2
    assert "app.functions.quartc; did you mean app.functions.quartic?" in result.err


def test_predict_prints_the_point_that_was_reached(app: App) -> None:
    assert app("fit", "--config", MINIMIZE).exit_code == 0
    assert app("predict", "--config", MINIMIZE).exit_code == 0
    (row,) = read_csv(LOGS / "minimize/version_0/predictions.csv")
    assert list(row) == ["x", "value", "gradient"]
    assert float(row["x"]) == pytest.approx(2.25, abs=1e-6)


@pytest.mark.dashboard
@pytest.mark.parametrize("config", [MINIMIZE, VALLEY], ids=lambda path: str(path.stem))
def test_the_path_is_a_figure(config: Path, app: App) -> None:
    assert app("fit", "--config", config, "--trainer.max_epochs", "20").exit_code == 0
    assert (LOGS / config.stem / "version_0/figures/train_path.png").is_file()
