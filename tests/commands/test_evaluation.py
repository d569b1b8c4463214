"""Which weights are scored, and where the results go."""

import errno
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import BRIEF, PRODUCT, Result

App = Callable[..., Result]
RUN = Path("lightning_logs/product/version_0")
HIDDEN = "--model.init_args.network.init_args.hidden_features"


@pytest.fixture
def run(app: App, folder: Path) -> Path:
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    return folder / RUN


def score(result: Result, run: Path, file: str = "test.json") -> float:
    assert result.exit_code == 0, result.err
    return float(json.loads((run / file).read_text())["test/mae"])


def test_best_last_and_a_file_are_scored_as_what_they_are(app: App, run: Path) -> None:
    state = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    state["state_dict"]["network.layers.4.bias"] += 1  # one standard deviation of the targets
    torch.save(state, run / "checkpoints/last.ckpt")
    best = score(app("test", "--run", RUN), run)
    last = score(app("test", "--run", RUN, "--ckpt_path", "last"), run)
    file = score(app("test", "--ckpt_path", run / "checkpoints/last.ckpt"), run)
    assert last > best + 1
    assert file == last


def test_a_missing_checkpoint_is_never_replaced_by_untrained_weights(app: App, run: Path) -> None:
    (run / "checkpoints/best.ckpt").unlink()
    result = app("test", "--run", RUN)
    assert result.exit_code == 2
    assert "--ckpt_path last" in result.err
    shutil.rmtree(run / "checkpoints")
    for command in ("validate", "test", "predict"):
        result = app(command, "--config", PRODUCT)
        assert result.exit_code == 2
        assert "no checkpoint" in result.err
    assert not (run / "test.json").exists()


def test_the_newest_run_of_a_name_is_evaluated(app: App, run: Path) -> None:
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    assert app("fit", "--config", PRODUCT, *BRIEF, "--name", "other").exit_code == 0
    assert "product/version_1" in app("test", "--config", PRODUCT).out
    assert "other/version_0" in app("test", "--config", PRODUCT, "--name", "other").out
    assert "product/version_1" in app("test", "--run", "product").out


def test_a_run_keeps_the_settings_that_it_was_trained_with(app: App, folder: Path) -> None:
    assert app("fit", "--config", PRODUCT, *BRIEF, HIDDEN, "[5]").exit_code == 0
    assert app("test", "--run", "product").exit_code == 0
    by_config = app("test", "--config", PRODUCT)  # which names the run, and no more
    assert by_config.exit_code == 0, by_config.err
    over_the_run = app("test", "--run", "product", "--config", PRODUCT)
    assert over_the_run.exit_code == 2
    assert "another network" in over_the_run.err
    assert "model.network.hidden_features [5] → [16, 8]" in over_the_run.out


def test_the_command_line_beats_the_config_which_beats_the_run(app: App, run: Path, folder: Path) -> None:
    (folder / "more.yaml").write_text("data: {init_args: {test_size: 50}}")
    small = app("predict", "--run", RUN, "--config", "more.yaml")
    assert "of 50 predictions" in small.out
    assert "data.test_size 200 → 50" in small.out
    smaller = app("predict", "--data.init_args.test_size", "20", "--run", RUN, "--config", "more.yaml")
    assert "of 20 predictions" in smaller.out
    assert "of 200 predictions" in app("predict", "--run", RUN).out


def test_the_root_moves_the_whole_tree(app: App, folder: Path) -> None:
    root = ["--trainer.default_root_dir", "elsewhere"]
    assert app("fit", "--config", PRODUCT, *BRIEF, *root).exit_code == 0
    assert [path.name for path in folder.iterdir()] == ["elsewhere"]
    assert score(app("test", "--config", PRODUCT, *root), folder / "elsewhere" / RUN) > 0
    assert app("test", "--config", PRODUCT).exit_code == 2
    (folder / "elsewhere").rename(folder / "moved")
    assert score(app("test", "--run", folder / "moved" / RUN), folder / "moved" / RUN) > 0


def test_a_checkpoint_of_no_run_is_scored_and_writes_nothing(app: App, run: Path, folder: Path) -> None:
    (run / "checkpoints/best.ckpt").rename(folder / "gift.ckpt")
    shutil.rmtree(folder / "lightning_logs")
    result = app("test", "--config", PRODUCT, "--ckpt_path", "gift.ckpt")
    assert result.exit_code == 0, result.err
    assert "test/mae" in result.out
    assert app("predict", "--config", PRODUCT, "--ckpt_path", "gift.ckpt").exit_code == 0
    assert app("test", "--ckpt_path", "gift.ckpt").exit_code == 2
    assert [path.name for path in folder.iterdir()] == ["gift.ckpt"]


def test_the_checkpoint_of_another_run_is_not_scored_as_this_one(app: App, run: Path) -> None:
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    other = run.with_name("version_1") / "checkpoints" / "best.ckpt"
    result = app("test", "--run", RUN, "--ckpt_path", other)
    assert result.exit_code == 2
    assert "--run product/version_1" in result.err
    assert not (run / "test.json").exists()


def test_a_dry_run_leaves_the_scores_alone(app: App, run: Path) -> None:
    score(app("test", "--run", RUN), run)
    before = (run / "test.json").read_bytes()
    assert app("test", "--run", RUN, "--trainer.fast_dev_run", "1", "--data.init_args.batch_size", "7").exit_code == 0
    assert (run / "test.json").read_bytes() == before


def test_a_score_with_other_settings_says_so_in_the_record(app: App, run: Path) -> None:
    score(app("test", "--run", RUN, "--data.init_args.test_size", "7"), run)
    record = json.loads((run / "run.json").read_text())["test"]
    assert record["changed"] == {"data.test_size": "200 → 7"}
    assert record["epoch"] == 3


def test_ctrl_c_while_testing_is_130(app: App, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("app.tasks.Regression.test_step", interrupted)
    result = app("test", "--run", RUN)
    signal.signal(signal.SIGINT, handler)  # Lightning ignores it from here on
    assert result.exit_code == 130
    assert not (run / "test.json").exists()


def test_a_full_disk_is_named_and_leaves_no_part_of_a_file(
    app: App, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(columns: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", "predictions.csv")

    monkeypatch.setattr("engine.training.predictions.lines", full)
    result = app("predict", "--run", RUN)
    assert result.exit_code == 1
    assert result.err == "error: No space left on device: predictions.csv\n"
    assert [path.name for path in run.glob(".*")] == [".lock"]
    assert not (run / "predictions.csv").exists()


def test_scores_do_not_depend_on_the_batch_size(app: App, folder: Path) -> None:
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    scores = []
    for size in ("200", "7"):  # 7 leaves a last batch of 4
        assert app("test", "--run", "product", "--data.init_args.batch_size", size).exit_code == 0
        scores.append(json.loads((folder / "lightning_logs/product/version_0/test.json").read_text()))
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
