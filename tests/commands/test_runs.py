"""`runs`: the runs there are, listed without heavy imports."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from support import PRODUCT, Result, spawn
from support.synthetic import synthetic

App = Callable[..., Result]
LOGS = Path("lightning_logs")
KEYS = ["run", "folder", "name", "status", "started", "seed", "epochs", "best", "test", "wall_time_s", "commit"]


@pytest.fixture
def runs() -> None:
    synthetic(LOGS / "cnn" / "version_0", 0, {"test/accuracy": 0.98, "test/loss": 0.1})
    synthetic(LOGS / "cnn" / "version_1", 1, record={"status": "failed", "diagnosis": ["dead units: 3 of 8"]})
    synthetic(LOGS / "study" / "adam" / "version_0", 2, {"test/mae": 1.5})


@pytest.mark.usefixtures("runs")
def test_json_has_the_keys_that_others_rely_on(app: App) -> None:
    found = json.loads(app("runs", "--json").out)
    assert all(list(run) == [*KEYS, "diagnosis", "study"] for run in found)
    assert [run["run"] for run in found] == ["cnn/version_0", "cnn/version_1", "study/adam/version_0"]
    assert found[0]["best"] == {"monitor": "val/loss", "score": 0.5, "epoch": 7}
    assert found[0]["test"] == {"test/accuracy": 0.98, "test/loss": 0.1}
    assert found[1]["test"] is None
    assert found[1]["diagnosis"] == ["dead units: 3 of 8"]
    assert [run["study"] for run in found] == [None, None, "study"]
    assert found[2]["folder"] == str(LOGS / "study" / "adam" / "version_0")


@pytest.mark.usefixtures("runs")
def test_a_table_has_a_line_for_each_run_newest_last(app: App) -> None:
    lines = app("runs").out.splitlines()
    assert lines[0] == "3 runs"
    assert [line.split()[0] for line in lines[1:]] == ["run", "cnn/version_0", "cnn/version_1", "study/adam/version_0"]
    assert "accuracy 0.98" in lines[2]
    assert "val/loss 0.5 @ 7" in lines[2]
    assert "failed" in lines[3]
    assert "dead units" in lines[3]


@pytest.mark.usefixtures("runs")
def test_filters_order_and_number_choose_the_lines(app: App) -> None:
    assert app("runs", "nothing*").out == "0 of 3 runs\n"
    assert app("runs", "cnn", "-n", "1").out.splitlines()[0] == "newest 1 of 2 of 3 runs (-n 0 shows all)"
    titles = [run["run"] for run in json.loads(app("runs", "--json", "--sort=-seed").out)]
    assert titles == ["study/adam/version_0", "cnn/version_1", "cnn/version_0"]
    titles = [run["run"] for run in json.loads(app("runs", "--sort", "test/accuracy", "-n", "1", "--json").out)]
    assert titles == ["cnn/version_0"]  # those without a value come first


@pytest.mark.usefixtures("runs")
def test_columns_are_facts_metrics_and_settings(app: App) -> None:
    words = ("--columns", "run,lr,test/accuracy,optimizer,diagnosis")
    rows = list(csv.reader(app("runs", "--csv", *words).out.splitlines()))
    assert rows[0] == ["run", "lr", "test/accuracy", "optimizer", "diagnosis"]
    assert rows[1] == ["cnn/version_0", "0.001", "0.98", "torch.optim.Adam", "[]"]
    assert rows[3][2] == ""
    lines = app("runs", "--markdown", *words).out.splitlines()
    assert lines[1] == "| --- | --- | --- | --- | --- |"
    assert lines[2] == "| cnn/version_0 | 0.001 | 0.98 | torch.optim.Adam | healthy |"
    assert json.loads(app("runs", "--json", "--columns", "lr").out) == [{"lr": 0.001}] * 3


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["statsu=failed"], "did you mean status?"),
        (["--columns", "rnu"], "no column rnu"),
        (["--sort", "test/accurcy"], "did you mean test/accuracy?"),
        (["-n", "-1"], "-n"),
        (["--jsn"], "--jsn"),
    ],
)
def test_a_wrong_word_is_refused_by_name(app: App, words: list[str], message: str) -> None:
    result = app("runs", *words)
    assert result.exit_code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_without_runs_a_line_says_how_to_make_one(app: App) -> None:
    result = app("runs")
    assert result.exit_code == 2
    assert "Train one" in result.err
    assert app("runs", "--json").out == "[]\n"


@pytest.mark.usefixtures("runs")
def test_a_damaged_run_hides_no_other(app: App) -> None:
    (LOGS / "cnn" / "version_0" / "run.json").write_text("{")
    (LOGS / "cnn" / "version_1" / "test.json").write_text("[1")
    found = json.loads(app("runs", "--json").out)
    assert sorted(run["status"] for run in found) == ["damaged", "failed", "finished"]


def test_the_status_comes_from_the_lock(app: App) -> None:
    folder = synthetic(LOGS / "cnn" / "version_0", record={"status": "running"})
    assert json.loads(app("runs", "--json").out)[0]["status"] == "interrupted"
    with FileLock(folder / ".lock"):  # a process may take a lock twice: another one looks
        assert json.loads(spawn("runs", "--json", cwd=Path()).out)[0]["status"] == "running"


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    "words", [["runs", "lr>0"], ["runs", "--json"], ["diff", "cnn/version_0", "cnn/version_1"], ["compare", "cnn"]]
)
def test_pure_readers_import_nothing_heavy(words: list[str]) -> None:
    code = f"""
import sys
from app.__main__ import PROJECT
from engine.main import run
assert run(PROJECT, {words!r}) == 0
print([name for name in ("torch", "lightning", "scipy", "matplotlib", "pandas", "jsonargparse") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_time_grows_with_the_number_of_runs_and_no_faster(app: App) -> None:
    def seconds(count: int) -> float:
        record, scores = (LOGS / "first/version_0" / name for name in ("run.json", "test.json"))
        for number in range(count):
            folder = LOGS / f"many{count}" / f"version_{number}"
            folder.mkdir(parents=True)
            (folder / "run.json").write_bytes(record.read_bytes())
            (folder / "test.json").write_bytes(scores.read_bytes())
        times = []
        for _ in range(3):
            start = time.perf_counter()
            assert len(json.loads(app("runs", f"many{count}", "--json").out)) == count
            times.append(time.perf_counter() - start)
        return min(times)

    synthetic(LOGS / "first" / "version_0", 0, {"test/accuracy": 0.98})
    few = seconds(100)
    assert seconds(1000) < 15 * few + 1  # 11 times as many runs


@pytest.mark.slow
def test_a_real_run_is_listed_while_it_lives_and_after(app: App) -> None:
    words = ("--trainer.max_epochs", "2", "--seed_everything", "3")
    assert app("fit", "--config", PRODUCT, *words).exit_code == 0
    assert app("test", "--run", "product").exit_code == 0
    (run,) = json.loads(app("runs", "status=finished", "lr=0.001", "seed=3", "--json").out)
    assert (run["run"], run["epochs"], run["seed"]) == ("product/version_0", 2, 3)
    assert set(run["test"]) == {"test/loss", "test/mae", "test/r2"}
