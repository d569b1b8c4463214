import sys
from pathlib import Path

import pytest
from support import read_csv

from engine.logs.metrics_file import MetricsFile


def logger(purge_step: int | None = 0) -> MetricsFile:
    metrics = MetricsFile()
    metrics.begin(Path(), purge_step)
    return metrics


def log(metrics: MetricsFile, epoch: int, **values: float) -> None:
    metrics.log_metrics({"lr": 0.1})
    metrics.log_metrics({"epoch": epoch, **values}, step=epoch * 10 + 9)


def test_what_is_logged_at_one_step_is_one_row_with_full_numbers() -> None:
    metrics = logger()
    log(metrics, 0, a=1 / 3)
    metrics.log_metrics({"epoch": 0, "b": 2.0}, step=9)
    metrics.finalize("success")
    assert read_csv(Path("metrics.csv")) == [{"epoch": "0", "step": "9", "lr": "0.1", "a": repr(1 / 3), "b": "2.0"}]


def test_a_metric_that_comes_later_gets_a_column_and_loses_no_row() -> None:
    metrics = logger()
    log(metrics, 0, a=1.0)
    log(metrics, 1, a=2.0, b=3.0)
    log(metrics, 2, a=4.0)
    metrics.finalize("success")
    rows = read_csv(Path("metrics.csv"))
    assert [row["a"] for row in rows] == ["1.0", "2.0", "4.0"]
    assert [row["b"] for row in rows] == ["", "3.0", ""]


def test_a_resumed_run_replaces_what_it_logs_again() -> None:
    first = logger()
    for epoch in range(4):
        log(first, epoch, a=float(epoch))
    first.finalize("failed")
    resumed = logger(purge_step=20)
    log(resumed, 2, a=-2.0)
    resumed.finalize("success")
    assert [row["a"] for row in read_csv(Path("metrics.csv"))] == ["0.0", "1.0", "-2.0"]


def test_evaluation_adds_to_the_row_of_its_checkpoint_once() -> None:
    metrics = logger()
    log(metrics, 0, a=1.0)
    log(metrics, 1, a=2.0)
    metrics.finalize("success")
    for score in (0.5, 0.6):
        evaluation = logger(purge_step=None)
        evaluation.log_metrics({"epoch": 0, "test": score}, step=9)
        evaluation.finalize("success")
    assert [row["test"] for row in read_csv(Path("metrics.csv"))] == ["0.6", ""]


def test_a_last_line_that_was_cut_is_logged_again() -> None:
    first = logger()
    for epoch in range(3):
        log(first, epoch, a=float(epoch))
    first.finalize("success")
    whole = Path("metrics.csv").read_text()
    Path("metrics.csv").write_text(whole[:-7])
    resumed = logger(purge_step=20)
    log(resumed, 2, a=2.0)
    resumed.finalize("success")
    assert Path("metrics.csv").read_text() == whole


def test_a_row_that_is_not_complete_is_not_written_when_a_run_is_killed_or_saved() -> None:
    metrics = logger()
    log(metrics, 0, a=1.0)
    metrics.flush()
    metrics.log_metrics({"lr": 0.1}, step=10)
    metrics.flush()
    metrics.finalize("failed")
    assert [row["step"] for row in read_csv(Path("metrics.csv"))] == ["9"]
    assert metrics.row == {"lr": 0.1, "step": 10}


@pytest.mark.skipif(sys.platform == "win32", reason="no limits to the size of files")
def test_a_full_disk_leaves_no_half_row_and_loses_none() -> None:
    import resource

    metrics = logger()
    for epoch in range(3):
        log(metrics, epoch, a=float(epoch))
    metrics.flush()
    log(metrics, 3, a=3.0)
    log(metrics, 4, a=4.0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path("metrics.csv").stat().st_size + 5, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            metrics.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [row["a"] for row in read_csv(Path("metrics.csv"))] == ["0.0", "1.0", "2.0"]
    metrics.finalize("success")
    assert [row["a"] for row in read_csv(Path("metrics.csv"))] == ["0.0", "1.0", "2.0", "3.0", "4.0"]


def test_rows_of_single_steps_are_kept_beside_the_row_of_the_epoch() -> None:
    metrics = logger()
    for step in (0, 50, 100):
        metrics.log_metrics({"train/gradient_norm": step + 0.5}, step)
        metrics.log_metrics({"train/loss_step": float(step)}, step)
    metrics.log_metrics({"learning_rate": 0.1}, 149)
    metrics.log_metrics({"epoch": 0, "train/loss": 3.0}, 149)
    metrics.finalize("success")
    rows = read_csv(Path("metrics.csv"))
    assert [(row["step"], row["epoch"]) for row in rows] == [("0", ""), ("50", ""), ("100", ""), ("149", "0")]
    assert [row["train/loss_step"] for row in rows] == ["0.0", "50.0", "100.0", ""]
    assert [row["train/gradient_norm"] for row in rows] == ["0.5", "50.5", "100.5", ""]
    assert [row["learning_rate"] for row in rows] == ["", "", "", "0.1"]


def test_rates_of_epochs_that_log_nothing_else_do_not_overwrite_each_other() -> None:
    metrics = logger()
    for step in (3, 7, 11):
        metrics.log_metrics({"learning_rate": step / 10}, step)
    metrics.finalize("success")
    assert [(row["step"], row["learning_rate"]) for row in read_csv(Path("metrics.csv"))] == [
        ("3", "0.3"),
        ("7", "0.7"),
        ("11", "1.1"),
    ]


def test_what_is_logged_at_a_step_after_a_checkpoint_joins_the_row_that_is_written() -> None:
    metrics = logger()
    for epoch in range(4):
        log(metrics, epoch, a=1 / 3, late=0.0)
        metrics.flush()
        metrics.log_metrics({"late": epoch + 0.25}, step=epoch * 10 + 9)
    metrics.finalize("success")
    rows = read_csv(Path("metrics.csv"))
    assert [(row["step"], row["late"]) for row in rows] == [
        ("9", "0.25"),
        ("19", "1.25"),
        ("29", "2.25"),
        ("39", "3.25"),
    ]
    assert {row["a"] for row in rows} == {repr(1 / 3)}


def test_numbers_without_a_step_do_not_overwrite_each_other() -> None:
    metrics = logger()
    metrics.log_metrics({"own": 1.0})
    metrics.log_metrics({"own": 2.0})
    log(metrics, 0, a=1.0)
    metrics.log_metrics({"own": 3.0})
    metrics.log_metrics({"own": 4.0, "end": 5.0})
    metrics.finalize("success")
    rows = read_csv(Path("metrics.csv"))
    assert [row["own"] for row in rows if row["own"]] == ["1.0", "2.0", "3.0", "4.0"]
    assert [row["end"] for row in rows if row["end"]] == ["5.0"]
    assert all(row["step"].isdigit() for row in rows)
