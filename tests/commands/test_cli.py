"""The commands as a user starts them: subprocesses, exit codes, what they print and which files they leave."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from support import BRIEF, PRODUCT, PROJECT, Result, read_csv, spawn

from app.tasks import Regression

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def fitted(home: Path) -> Result:
    return spawn("fit", "--config", PRODUCT, *BRIEF, cwd=home)


@pytest.fixture(scope="module")
def tested(home: Path, fitted: Result) -> Result:
    return spawn("test", "--config", PRODUCT, cwd=home)


@pytest.fixture(scope="module")
def predicted(home: Path, fitted: Result) -> Result:
    return spawn("predict", "--run", "product/version_0", cwd=home)


def run_folder(home: Path) -> Path:
    return home / "lightning_logs" / "product" / "version_0"


def test_fit_prints_a_line_an_epoch_the_results_and_the_next_commands(fitted: Result) -> None:
    assert fitted.exit_code == 0, fitted.err
    assert [line.split()[1] for line in fitted.out.splitlines() if line.startswith("epoch ")] == ["0", "1", "2", "3"]
    assert "test --run product/version_0" in fitted.out
    assert "predict --run product/version_0" in fitted.out
    assert "app board --run product/version_0" in fitted.out
    assert fitted.err == ""


def test_fit_leaves_every_file_of_a_run_and_nothing_else(home: Path, fitted: Result) -> None:
    assert [path.name for path in home.iterdir()] == ["lightning_logs"]
    files = {str(path.relative_to(run_folder(home))) for path in run_folder(home).rglob("*") if path.is_file()}
    events = {name for name in files if name.startswith("events.out.tfevents")}
    assert len(events) == 1
    assert files - events >= {
        "config.yaml",
        "run.json",
        "metrics.csv",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    }


def test_run_json_says_what_ran_and_how_it_ended(home: Path, fitted: Result) -> None:
    record = json.loads((run_folder(home) / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["seed"] == 0
    assert record["epochs"] == 4
    assert record["steps"] == 40
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    assert record["wall_time_s"] > 0
    assert "git_commit" in record
    rows = read_csv(run_folder(home) / "metrics.csv")
    scores = {int(row["epoch"]): float(row["val/loss"]) for row in rows if row["val/loss"]}
    assert record["best"]["epoch"] == min(scores, key=lambda epoch: scores[epoch])
    assert record["best"]["score"] == min(scores.values())


def test_test_says_what_it_loaded_and_writes_into_the_run(home: Path, tested: Result) -> None:
    assert tested.exit_code == 0, tested.err
    assert "best.ckpt: epoch 3, val/loss" in tested.out
    assert set(json.loads((run_folder(home) / "test.json").read_text())) == {"test/loss", "test/mae", "test/r2"}


def test_predict_prints_ten_rows_and_writes_all(home: Path, predicted: Result) -> None:
    assert predicted.exit_code == 0, predicted.err
    assert "first 10 of 200 predictions" in predicted.out
    rows = read_csv(run_folder(home) / "predictions.csv")
    assert list(rows[0]) == ["x1", "x2", "actual", "predicted", "error"]
    assert len(rows) == 200


def test_validate_scores_what_fit_recorded(home: Path, fitted: Result) -> None:
    result = spawn("validate", "--config", PRODUCT, "--ckpt_path", "last", cwd=home)
    assert result.exit_code == 0, result.err
    scores = json.loads((run_folder(home) / "validate.json").read_text())
    last = [row for row in read_csv(run_folder(home) / "metrics.csv") if row["val/loss"]][-1]
    assert scores["val/loss"] == pytest.approx(float(last["val/loss"]), rel=1e-6)


def test_evaluation_makes_no_new_run(home: Path, tested: Result, predicted: Result) -> None:
    assert [path.name for path in (home / "lightning_logs" / "product").iterdir()] == ["version_0"]


def test_files_agree_with_each_other_and_with_the_checkpoint(home: Path, tested: Result, predicted: Result) -> None:
    folder = run_folder(home)
    scores = json.loads((folder / "test.json").read_text())
    rows = [{k: float(v) for k, v in row.items()} for row in read_csv(folder / "predictions.csv")]
    logged = [row for row in read_csv(folder / "metrics.csv") if row["test/mae"]]
    assert len(logged) == 1
    assert {name: float(logged[0][name]) for name in scores} == scores
    assert int(logged[0]["epoch"]) == json.loads((folder / "run.json").read_text())["best"]["epoch"]

    task = Regression.load_from_checkpoint(folder / "checkpoints" / "best.ckpt").eval()
    x1, x2 = (torch.tensor([row[name] for row in rows]) for name in ("x1", "x2"))
    with torch.no_grad():
        by_hand = task(torch.stack([x1, x2], 1))[:, 0]
    actual = x1 * x2
    torch.testing.assert_close(torch.tensor([row["actual"] for row in rows]), actual)
    torch.testing.assert_close(torch.tensor([row["predicted"] for row in rows]), by_hand)
    errors = torch.tensor([row["error"] for row in rows])
    torch.testing.assert_close(errors, (by_hand - actual).abs(), rtol=0, atol=1e-5)
    assert scores["test/mae"] == pytest.approx(errors.mean().item(), rel=1e-5)
    r2 = 1 - (errors.square().sum() / (actual - actual.mean()).square().sum()).item()
    assert scores["test/r2"] == pytest.approx(r2, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_with_its_exit_code_and_the_run_can_be_resumed(
    number: signal.Signals, exit_code: int, folder: Path
) -> None:
    command = [sys.executable, "-m", "app", "fit", "--config", str(PRODUCT)]
    metrics = folder / "lightning_logs" / "product" / "version_0" / "metrics.csv"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not metrics.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == exit_code
    assert err.startswith("error: ")
    assert "Traceback" not in err
    record = json.loads(metrics.with_name("run.json").read_text())
    assert record["status"] == "interrupted"
    epochs = record["epochs"]
    assert 0 < epochs < 1000
    resumed = spawn("fit", "--run", "product", "--trainer.max_epochs", str(epochs + 2), cwd=folder)
    assert resumed.exit_code == 0, resumed.err
    rows = read_csv(metrics)
    assert [int(row["epoch"]) for row in rows if row["epoch"]] == list(range(epochs + 2))


def test_help_lists_commands_and_configs_without_importing_torch() -> None:
    code = (
        "import sys; from support import main; main(['--help']); sys.exit(bool({'torch', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": f"src{os.pathsep}tests"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "predict" in done.stdout
    assert "configs/product.yaml" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal needs Unix")
def test_a_terminal_gets_one_bar_and_no_line_an_epoch(folder: Path) -> None:
    import pty

    reader, writer = pty.openpty()
    command = [sys.executable, "-m", "app", "fit", "--config", str(PRODUCT), *BRIEF]
    with subprocess.Popen(command, stdout=writer, stderr=writer, env={**os.environ, "COLUMNS": "120"}) as process:
        os.close(writer)
        shown = b""
        while chunk := _read(reader):
            shown += chunk
    assert process.returncode == 0
    assert b"40/40" in shown
    assert b"test --run product/version_0" in shown
    assert b"\nepoch 0 " not in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end has closed
        return b""


@pytest.mark.slow
def test_a_reader_that_leaves_does_not_end_the_run(folder: Path) -> None:
    command = f"'{sys.executable}' -m app fit --config '{PRODUCT}' {' '.join(BRIEF)} | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads((folder / "lightning_logs/product/version_0/run.json").read_text())["status"] == "finished"
