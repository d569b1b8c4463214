"""`diff`: two runs side by side."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import Result
from support.synthetic import synthetic

App = Callable[..., Result]
LOGS = Path("lightning_logs")


def rows(text: str) -> dict[str, list[str]]:
    lines = (line.split("  ") for line in text.splitlines())
    return {line[0]: [part.strip() for part in line[1:] if part.strip()] for line in lines}


@pytest.fixture
def runs() -> None:
    synthetic(LOGS / "a" / "version_0", 0, {"test/accuracy": 0.9, "test/loss": 0.5})
    other = {"versions": {"torch": "2.14.0"}, "git_commit": None, "diagnosis": ["overfitting: 1"]}
    change = {"model.init_args.optimizer.init_args.lr": 0.1}
    synthetic(LOGS / "b" / "version_0", 3, {"test/accuracy": 0.75, "test/loss": None}, change, other)


@pytest.mark.usefixtures("runs")
def test_settings_versions_commit_data_and_metrics_stand_side_by_side(app: App) -> None:
    found = rows(app("diff", "a", "b").out)
    assert found["model.optimizer.lr"] == ["0.001", "0.1"]
    assert found["seed_everything"] == ["0", "3"]
    assert "model.optimizer" not in found
    assert found["torch"] == ["2.15.0", "2.14.0"]
    assert found["commit"] == ["0123456789abcdef", "-"]
    assert found["test samples"] == ["1,000, content d1"] * 2
    assert found["diagnosis"] == ["healthy", "overfitting"]
    assert found["test/accuracy"] == ["0.9", "0.75", "-0.15"]
    assert found["test/loss"] == ["0.5", "-", "-"]
    assert found["best val/loss"] == ["0.5", "0.5", "+0"]


@pytest.mark.usefixtures("runs")
def test_all_shows_what_is_equal(app: App) -> None:
    found = rows(app("diff", "a", "b", "--all").out)
    assert found["model.optimizer"] == ["torch.optim.Adam"] * 2


@pytest.mark.usefixtures("runs")
def test_other_samples_are_said(app: App) -> None:
    assert "note" not in app("diff", "a", "b").out
    synthetic(LOGS / "c" / "version_0", 0, {"test/accuracy": 0.9}, tested={"digest": "d2"})
    assert "note: they were tested on different samples: don't rank them" in app("diff", "a", "c").out


@pytest.mark.usefixtures("runs")
def test_a_run_that_is_not_there_is_refused(app: App) -> None:
    result = app("diff", "a", "a/version_7")
    assert (result.exit_code, result.out) == (2, "")
    assert "did you mean a/version_0?" in result.err
    assert app("diff", "a").exit_code == 2


def test_equal_runs_have_no_settings_that_differ(app: App) -> None:
    synthetic(LOGS / "a" / "version_0")
    assert "no settings differ" in app("diff", "a", "a").out
