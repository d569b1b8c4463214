"""`study` and `fit --seeds`: runs in worker processes are those of the same commands alone, whatever comes between."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from support import PRODUCT, Result, spawn

# Callbacks of a user: one leaves behind what it can, and one trains otherwise if anything was left.
OWN = """
import logging, os, random, signal, sys, warnings
import matplotlib, numpy, torch
from lightning.pytorch import Callback

left = []

class Mess(Callback):
    def on_train_end(self, trainer, task):
        left.append(1)
        random.seed(7), numpy.random.seed(7), torch.manual_seed(7)
        torch.set_default_dtype(torch.float64), torch.use_deterministic_algorithms(True), torch.set_num_threads(2)
        os.environ["LEFT"] = "1"
        sys.path.insert(0, "/nowhere")
        logging.disable(logging.CRITICAL), warnings.simplefilter("always")
        matplotlib.rcParams["figure.dpi"] = 7
        signal.signal(signal.SIGINT, signal.SIG_IGN)

class Look(Callback):
    def on_train_start(self, trainer, task):
        found = [left, os.environ.get("LEFT"), "/nowhere" in sys.path, matplotlib.rcParams["figure.dpi"] == 7]
        found += [torch.get_default_dtype() != torch.float32, torch.are_deterministic_algorithms_enabled()]
        found += [torch.get_num_threads() != 1, signal.getsignal(signal.SIGINT) is signal.SIG_IGN]
        found += [logging.root.manager.disable, ("always", None, Warning, None, 0) in warnings.filters]
        if any(found):
            raise AssertionError(str(found))

class Fail(Callback):
    def on_train_epoch_start(self, trainer, task):
        if trainer.current_epoch == 2:
            raise RuntimeError("as it was asked to")
"""
STUDY = f"""
config: {PRODUCT}
settings:
  dashboard: null
  trainer.max_epochs: 4
  trainer.check_val_every_n_epoch: 2
  model.network.dropout: 0.1
seeds: [3, 0]
baseline: clean
variants:
  mess: {{settings: {{callbacks.own: own.Mess}}}}
  clean: {{settings: {{callbacks.own: own.Look}}}}
  fails: {{settings: {{callbacks.own: own.Fail}}}}
  large: {{settings: {{model.optimizer.lr: 1e+10}}}}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return the folder of a study that one worker has made, and what it printed."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "own.py").write_text(OWN)
    (folder / "tiny.yaml").write_text(STUDY)
    return folder, spawn("study", "tiny.yaml", "--workers", "1", cwd=folder)


def state(folder: Path, name: str = "tiny") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"lightning_logs/{name}/study.json").read_text())
    return found


def weights(run: Path, which: str = "last") -> dict[str, Any]:
    found: dict[str, Any] = torch.load(run / f"checkpoints/{which}.ckpt", weights_only=True)["state_dict"]
    return found


def assert_equal(one: Path, other: Path) -> None:
    for which in ("last", "best"):
        a, b = weights(one, which), weights(other, which)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)
    for name in ("metrics.csv", "test.json", "config.yaml"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def copied(folder: Path, target: Path) -> Path:
    """Return a copy of a study in the folder of the test, to change it."""
    shutil.copytree(folder, target, dirs_exist_ok=True)
    return target


def test_runs_lie_in_the_folders_of_their_variants_and_are_tested(done: tuple[Path, Result]) -> None:
    folder, result = done
    runs = {path.relative_to(folder).as_posix() for path in folder.glob("lightning_logs/*/*/version_*/config.yaml")}
    names = ("mess", "clean", "fails", "large")
    assert runs == {f"lightning_logs/tiny/{name}/version_{seed}/config.yaml" for name in names for seed in (0, 3)}
    assert len(list(folder.glob("lightning_logs/tiny/*/*/test.json"))) == 4
    lines = [line for line in result.out.splitlines() if " | " in line]
    assert len(lines) == 8
    assert all(text in lines[-1] for text in ("4 of 8 done", "2 failed", "2 diverged"))


def test_one_that_fails_is_reported_and_the_others_go_on(done: tuple[Path, Result]) -> None:
    folder, result = done
    assert result.exit_code == 1
    assert "error: 2 runs of 8 failed: fails/version_3: RuntimeError: as it was asked to (and 1 more)" in result.err
    found = {title: run["status"] for title, run in state(folder)["runs"].items()}
    assert found == {
        **{"mess/version_3": "finished", "clean/version_3": "finished", "fails/version_3": "failed"},
        **{"mess/version_0": "finished", "clean/version_0": "finished", "fails/version_0": "failed"},
        **{"large/version_3": "diverged", "large/version_0": "diverged"},
    }
    assert "as it was asked to" in (folder / "lightning_logs/tiny/output/fails_3.txt").read_text()


def test_a_run_in_a_used_worker_is_bit_for_bit_the_run_alone(done: tuple[Path, Result], tmp_path: Path) -> None:
    folder, _ = done
    study = folder / "lightning_logs/tiny/clean/version_0"
    words = json.loads((study / "run.json").read_text())["command"].split(" fit ")[1].split()
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "all.py").write_text(
        "import sys\nfrom support import main\nassert main(sys.argv[1:]) == 0\n"
        "for word, run in (('test', 'tiny/clean'), ('predict', 'tiny/clean'), ('predict', 'study')):\n"
        "    assert main([word, '--run', run]) == 0\n"
    )
    shutil.copytree(study, tmp_path / "study")
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), *sys.path]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "all.py", "fit", *words]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
    alone = tmp_path / "lightning_logs/tiny/clean/version_0"
    assert_equal(alone, study)
    assert (alone / "predictions.csv").read_bytes() == (tmp_path / "study/predictions.csv").read_bytes()


def test_a_study_that_is_done_is_reported_without_training(
    done: tuple[Path, Result], tmp_path: Path, app: Callable[..., Result]
) -> None:
    copied(done[0], tmp_path)
    shutil.rmtree(tmp_path / "lightning_logs/tiny/fails")
    text = (tmp_path / "tiny.yaml").read_text()
    (tmp_path / "tiny.yaml").write_text(text.replace("  fails: {settings: {callbacks.own: own.Fail}}\n", ""))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("last.ckpt")}
    result = app("study", "tiny.yaml")
    assert result.exit_code == 0, result.err
    assert " done already" not in result.out  # no worker was started
    assert "no longer in tiny.yaml" not in result.out  # it has no runs
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("last.ckpt")} == before


def test_runs_of_a_study_are_ordinary_runs(
    done: tuple[Path, Result], tmp_path: Path, app: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    copied(done[0], tmp_path)
    for run in ("tiny/clean/version_0", "tiny/clean", "lightning_logs/tiny/clean/version_0"):
        assert app("test", "--run", run).exit_code == 0
    assert app("fit", "--run", "tiny/clean/version_0", "--trainer.max_epochs", "5").exit_code == 0
    assert app("predict", "--run", "tiny/mess/version_3").exit_code == 0
    assert "tiny/clean/version_" in app("test", "--run", "tiny/clean/version_7").err
    assert "tiny holds many runs: name one of them" in app("test", "--run", "tiny").err


def test_a_run_with_results_but_no_settings_is_kept(
    done: tuple[Path, Result], tmp_path: Path, app: Callable[..., Result]
) -> None:
    copied(done[0], tmp_path)
    run = Path("lightning_logs/tiny/clean/version_0")
    (run / "config.yaml").unlink()
    (run / "notes.txt").write_text("mine")
    result = app("study", "tiny.yaml")
    assert result.exit_code == 2
    assert f"move {run} away" in result.err
    assert (run / "notes.txt").is_file()


def test_a_changed_variant_is_refused_by_name(
    done: tuple[Path, Result], tmp_path: Path, app: Callable[..., Result]
) -> None:
    copied(done[0], tmp_path)
    text = (tmp_path / "tiny.yaml").read_text()
    (tmp_path / "tiny.yaml").write_text(text.replace("lr: 1e+10", "lr: 1e+11"))
    result = app("study", "tiny.yaml")
    assert result.exit_code == 2
    assert "tiny.yaml, variant large: model.optimizer.lr has changed from 1e+10 → 1e+11" in result.err


def test_a_study_that_another_process_runs_is_refused(
    done: tuple[Path, Result], tmp_path: Path, app: Callable[..., Result]
) -> None:
    copied(done[0], tmp_path)
    with FileLock(tmp_path / "lightning_logs/tiny/.lock"):
        result = app("study", "tiny.yaml")
    assert result.exit_code == 2
    assert "the study tiny is being run by another process" in result.err


def test_a_wrong_setting_of_any_variant_is_found_before_anything_trains(
    tmp_path: Path, app: Callable[..., Result]
) -> None:
    (tmp_path / "bad.yaml").write_text(
        f"config: {PRODUCT}\nvariants: {{good: {{}}, bad: {{settings: {{model.network.hidden_featurs: [4]}}}}}}\n"
    )
    result = app("study", "bad.yaml", "--workers", "1")
    assert result.exit_code == 2
    assert "bad.yaml, variant bad: MLP has no model.network.hidden_featurs; did you mean hidden_features?" in result.err
    assert not (tmp_path / "lightning_logs").exists()


@pytest.mark.slow
def test_fit_with_seeds_is_a_study_of_one_variant(tmp_path: Path, app: Callable[..., Result]) -> None:
    words = ("--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "1")
    result = app("fit", "--config", PRODUCT, "--seeds", "[1,4]", *words)
    assert result.exit_code == 0, result.err
    assert {path.parent.name for path in tmp_path.rglob("test.json")} == {"version_1", "version_4"}
    assert set(state(tmp_path, "product")["runs"]) == {"seeds/version_1", "seeds/version_4"}
    assert "give one of them" in app("fit", "--config", PRODUCT, "--seeds", "2", "--seed_everything", "1").err


LONG = STUDY.replace("max_epochs: 4", "max_epochs: 300").replace("seeds: [3, 0]", "seeds: 1")


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Return a folder with a study of two runs of some seconds, whose worker saves often."""
    text = LONG.replace("  dashboard: null\n", "  dashboard: null\n  callbacks.checkpoint.every_minutes: 0.002\n")
    kept = [line for line in text.splitlines() if "own." not in line and "large" not in line and "baseline" not in line]
    (tmp_path / "long.yaml").write_text(
        "\n".join([*kept, "  a: {}", "  b: {settings: {model.optimizer.lr: 0.01}}", ""])
    )
    return tmp_path


@contextlib.contextmanager
def begun(*words: str) -> Iterator["subprocess.Popen[str]"]:
    """Yield a process that runs a study, once both of its runs train."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 90
        while len(list(Path.cwd().glob("lightning_logs/*/*/*/metrics.csv"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_every_run_and_the_same_command_goes_on(long: Path, number: int) -> None:
    with begun("study", "long.yaml") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "to resume: python -m app study long.yaml" in out
    assert state(long, "long")["state"] == "interrupted"
    for run in long.glob("lightning_logs/long/*/version_0"):
        assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    again = spawn("study", "long.yaml", cwd=long)
    whole = spawn("study", "long.yaml", "--name", "whole", cwd=long)
    assert again.exit_code == whole.exit_code == 0, again.err + whole.err
    for variant in "ab":
        resumed = long / f"lightning_logs/long/{variant}/version_0"
        assert len(json.loads((resumed / "run.json").read_text())["resumed"]) == 1
        assert_equal(resumed, long / f"lightning_logs/whole/{variant}/version_0")


@pytest.mark.slow
def test_a_deleted_folder_ends_the_study_with_a_line(long: Path) -> None:
    with begun("study", "long.yaml") as process:
        (long / "lightning_logs/long").rename(long / "gone")  # at once, while files are written
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "lightning_logs/long was deleted while the study ran" in err
