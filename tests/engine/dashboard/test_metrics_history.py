"""The history of a run, read from its metrics.csv."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.dashboard import history
from engine.logs.metrics_file import MetricsFile


def test_every_value_stands_at_the_epochs_trained_when_it_was_logged(folder: Path) -> None:
    logger = MetricsFile()
    logger.begin(folder)
    logger.log_metrics({"train/loss": 4.0, "epoch": 0}, step=9)
    logger.log_metrics({"val/loss": 5.0, "epoch": 0}, step=9)
    logger.log_metrics({"train/loss": 2.0, "epoch": 1}, step=19)
    found = history(SimpleNamespace(loggers=[logger]), flush=True)  # type: ignore[arg-type]
    assert (found["train/loss"].epochs, found["train/loss"].values) == ([1, 2], [4, 2])
    assert (found["val/loss"].epochs, found["val/loss"].values) == ([1], [5])


def test_values_of_single_steps_stand_within_their_epoch(folder: Path) -> None:
    (folder / "metrics.csv").write_text("epoch,step,rate,train/loss\n,4,0.5,\n0,9,,4.0\n,14,0.25,\n1,19,,2.0\n")
    logger = MetricsFile()
    logger.begin(folder)
    found = history(SimpleNamespace(loggers=[logger]))  # type: ignore[arg-type]
    assert found["rate"].epochs == pytest.approx([0.5, 1.5])
    assert found["train/loss"].epochs == [1, 2]


def test_a_run_without_the_file_has_no_history() -> None:
    assert history(SimpleNamespace(loggers=[])) == {}  # type: ignore[arg-type]
