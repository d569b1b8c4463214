import re
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from support.browser import opened
from support.synthetic import seeds, synthetic

from engine.comparison import report
from engine.comparison.compare import Comparison, compare
from engine.errors import UsageError
from engine.runs.folder import Run

LOGS = Path("lightning_logs")
CURVES = {
    "train/loss": [3.0, 2, 1],
    "val/loss": [3.0, 2, 2],
    "val/accuracy": [0.3, 0.5, 0.9],
    "learning_rate": [1.0] * 3,
}
NETWORK = "model.init_args.network.init_args.hidden_features"


def comparison() -> Comparison:
    runs = seeds(LOGS / "小网络|x", [0.97, 0.972, 0.968], curves=CURVES)
    runs += seeds(LOGS / "b", [0.95, 0.953, 0.949], change={NETWORK: [4]}, curves=CURVES)
    diverged = {"record": {"status": "diverged"}, "curves": CURVES, "change": {NETWORK: [4]}}
    runs.append(Run(synthetic(LOGS / "b/version_3", 3, **diverged)))  # type: ignore[arg-type]
    return compare(runs, "b")


def test_a_report_is_markdown_a_page_and_figures(tmp_path: Path) -> None:
    paths = report.write(comparison(), tmp_path / "out", title="Two networks", notes=["See the loss."])
    assert [path.name for path in paths] == ["comparison.md", "comparison.html"]
    names = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    stems = ("scores", "train_loss", "val_loss", "val_accuracy", "learning_rate")
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("svg", "png")}
    text = paths[0].read_text(encoding="utf-8")
    assert text.startswith("# Two networks\n\nSee the loss.\n")
    assert "0.9700 ± 0.0020 (3)" in text
    assert "b/version_3 is not averaged: diverged" in text
    assert "better than b; without 1 of b (diverged)" in text
    assert "![train_loss](figures/train_loss.svg)" in text
    assert "小网络\\|x" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in rows]
    assert widths == [widths[0]] * 4 + [widths[-1]] * 3  # as many cells in each line
    html = paths[1].read_text(encoding="utf-8")
    assert html.count("data:image/svg+xml") == 5


def test_figures_are_chosen_by_name_and_a_missing_one_is_said(tmp_path: Path) -> None:
    paths = report.write(comparison(), tmp_path, name="report", figures=["val/loss", "learning_rate", "norm"])
    assert paths[0].name == "report.md"
    assert {path.name for path in (tmp_path / "figures").glob("*.svg")} == {
        "scores.svg",
        "val_loss.svg",
        "learning_rate.svg",
    }
    assert "no figure of norm: no run has logged norm" in paths[0].read_text()
    with pytest.raises(UsageError, match="no run has logged norm"):
        report.check(comparison_again(), ["norm"])


def test_a_figure_of_one_number_against_another_is_a_path(tmp_path: Path) -> None:
    paths = report.write(comparison(), tmp_path, figures=["val/accuracy against val/loss"])
    assert "![val_accuracy_against_val_loss](figures/val_accuracy_against_val_loss.svg)" in paths[0].read_text()
    assert (tmp_path / "figures" / "val_accuracy_against_val_loss.png").is_file()


def comparison_again() -> Comparison:
    return compare([Run(folder) for folder in sorted(LOGS.glob("b/version_*"))])


def test_scores_of_other_data_have_a_figure_of_their_own(tmp_path: Path) -> None:
    runs = seeds(LOGS / "a", [0.97, 0.972])
    runs += seeds(LOGS / "b", [0.5, 0.6], change={NETWORK: [4]}, tested={"digest": "d2"})
    report.write(compare(runs), tmp_path)
    assert {path.name for path in (tmp_path / "figures").glob("*.svg")} == {"scores.svg", "scores_2.svg"}


def test_runs_without_scores_and_curves_make_a_report(tmp_path: Path) -> None:
    paths = report.write(compare([Run(synthetic(LOGS / "a/version_0"))]), tmp_path)
    assert "a/version_0 is not averaged: untested" in paths[0].read_text()
    assert not list((tmp_path / "figures").iterdir())


@pytest.mark.slow
def test_the_page_shows_every_figure_in_a_browser(tmp_path: Path) -> None:
    paths = report.write(comparison(), tmp_path)
    (tmp_path / "figures").rename(tmp_path / "elsewhere")  # the page needs no other file
    with opened() as driver:
        driver.get(paths[1].as_uri())
        images = driver.find_elements(By.TAG_NAME, "img")
        assert len(images) == 5
        assert all(int(image.get_property("naturalWidth")) > 300 for image in images)  # type: ignore[arg-type]
        driver.find_elements(By.CSS_SELECTOR, "th button")[2].click()
        first = driver.find_element(By.CSS_SELECTOR, "tbody td").text
        assert first == "b"
        assert not [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]
