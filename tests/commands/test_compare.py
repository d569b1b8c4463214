"""`compare`: groups of runs over seeds, on the console, as JSON and as a report."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import PRODUCT, Result
from support.synthetic import seeds, synthetic

App = Callable[..., Result]
LOGS = Path("lightning_logs")
NETWORK = "model.init_args.network.init_args.hidden_features"
CURVES = {"train/loss": [3.0, 2, 1], "val/loss": [3.0, 2, 2]}


@pytest.fixture
def runs() -> None:
    seeds(LOGS / "wide", [0.97, 0.972, 0.968], curves=CURVES)
    seeds(LOGS / "narrow", [0.95, 0.953, 0.949], change={NETWORK: [4]}, curves=CURVES)


@pytest.mark.usefixtures("runs")
def test_a_table_has_a_row_for_each_group_and_what_differs(app: App) -> None:
    lines = app("compare", "wide", "narrow").out.splitlines()
    assert lines[0] == "2 groups of runs"
    assert lines[1].split()[:3] == ["group", "hidden_features", "test/accuracy"]
    assert re.match(r"wide +\[16,8\] +0.9700 ± 0.0020 \(3\) +0.0054 +7 ± 0 \(3\) +2.0 s +195 +healthy", lines[2])
    assert "sample standard deviation (n - 1)" in "\n".join(lines)
    assert "sampling s.e.: " in "\n".join(lines)


@pytest.mark.usefixtures("runs")
def test_a_baseline_adds_differences_with_a_verdict(app: App) -> None:
    result = app("compare", "wide", "narrow", "--baseline", "wide")
    assert "difference to wide, 95 % interval\ntest/accuracy\n  narrow: -0.0193 (" in result.out
    assert "p <0.001: worse than wide\n      paired t over 3 seeds\n" in result.out
    assert app("compare", "wide", "narrow", "--baseline", "wdie").exit_code == 2


@pytest.mark.usefixtures("runs")
def test_json_is_groups_differences_and_warnings(app: App) -> None:
    found = json.loads(app("compare", "wide", "narrow", "--baseline", "narrow", "--json").out)
    assert [group["name"] for group in found["groups"]] == ["wide", "narrow"]
    assert found["differences"][0]["verdict"] == "better than narrow"
    assert found["warnings"] == []
    every = json.loads(app("compare", "wide", "--json", "--all").out)
    assert every["groups"][0]["settings"]["model.optimizer.lr"] == 0.001


@pytest.mark.usefixtures("runs")
@pytest.mark.dashboard
def test_output_is_a_report_and_json_stays_json(app: App) -> None:
    result = app("compare", "wide", "narrow", "--output", "out", "--json")
    assert json.loads(result.out)["groups"]
    assert result.err.splitlines()[-2:] == ["out/comparison.md", "out/comparison.html"]
    result = app("compare", "wide", "narrow", "--output", "out", "--figures", "val/loss")
    assert result.out.splitlines()[-1] == "out/comparison.html"
    refused = app("compare", "wide", "narrow", "--output", "out", "--figures", "val/los")
    assert refused.exit_code == 2
    assert "did you mean val/loss?" in refused.err
    refused = app("compare", "wide", "narrow", "--output", "out/comparison.md")
    assert (refused.exit_code, refused.out) == (2, "")
    assert "--output out/comparison.md cannot be made a folder" in refused.err


@pytest.mark.usefixtures("runs")
def test_a_seed_twice_is_refused(app: App) -> None:
    synthetic(LOGS / "wide" / "version_3", 2, {"test/accuracy": 0.9})
    result = app("compare", "wide")
    assert result.exit_code == 2
    assert result.err == (
        "error: wide/version_2 and wide/version_3 have the same settings and the same seed 2: name one of them\n"
    )


@pytest.mark.usefixtures("runs")
def test_scores_on_other_samples_are_not_ranked(app: App) -> None:
    seeds(LOGS / "other", [0.5, 0.6, 0.7], change={NETWORK: [9]}, tested={"digest": "d2"})
    out = app("compare", "wide", "other", "--baseline", "wide").out
    assert "other is not ranked against wide: other test samples" in out
    assert re.search(r"wide +A +.*\nother +B +", out)
    assert "better" not in out
    assert "worse" not in out


@pytest.mark.usefixtures("runs")
def test_a_damaged_file_is_named(app: App) -> None:
    (LOGS / "wide" / "version_1" / "config.yaml").write_text("[")
    result = app("compare", "wide")
    assert result.exit_code == 2
    assert "wide/version_1/config.yaml cannot be read" in result.err


def test_real_runs_are_compared_by_the_content_of_their_tests(app: App) -> None:
    brief = ("--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "2")
    assert app("fit", "--config", PRODUCT, *brief).exit_code == 0
    words = ("--name", "other", "--data.test_size", "100")
    assert app("fit", "--config", PRODUCT, *brief, *words).exit_code == 0
    words = ("--name", "fast", "--model.optimizer.lr", "0.01")
    assert app("fit", "--config", PRODUCT, *brief, *words).exit_code == 0
    for run in ("product", "other", "fast"):
        assert app("test", "--run", run).exit_code == 0
    for run in ("product/version_0", "fast"):
        assert app("predict", "--run", run).exit_code == 0
    found = json.loads(app("compare", "product", "other", "fast", "--baseline", "product", "--json").out)
    groups = {group["name"]: group for group in found["groups"]}
    assert groups["product"]["metrics"]["test/mae"]["n"] == 1
    assert groups["fast"]["settings"] == {"model.optimizer.lr": 0.01, "data.test_size": 200}
    tests = {difference["metric"]: difference["test"] for difference in found["differences"]}
    assert tests.pop("test/mae") == "paired bootstrap of fast/version_0 and product/version_0 on 200 samples"
    assert set(tests.values()) == {"none"}
    assert any(line.startswith("other is not ranked against product: other test samples") for line in found["warnings"])
    record = json.loads((LOGS / "product" / "version_0" / "run.json").read_text())
    assert record["parameters"] == 2 * 16 + 16 + 16 * 8 + 8 + 8 + 1
    assert record["test"]["samples"] == 200
