"""What the panels hand to their plots: true boundaries, names in any script, curves of the whole run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from support import BRIEF, PRODUCT, PROJECT, Result, main

from app.figures.plots import classification, training

App = Callable[..., Result]
pytestmark = pytest.mark.dashboard
THRESHOLD = PROJECT / "configs" / "threshold.yaml"


def keep(name: str, module: Any, place: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return a list that gets the arguments of every call of a plot."""
    calls: list[tuple[Any, ...]] = []
    plot = getattr(module, name)

    def kept(*arguments: Any) -> Figure:
        calls.append(arguments)
        figure: Figure = plot(*arguments)
        return figure

    monkeypatch.setattr(f"{place}.{name}", kept)
    return calls


def test_the_true_boundary_is_drawn_where_the_data_knows_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = keep("boundary", classification, "app.figures.classification", monkeypatch)
    assert app("fit", "--config", THRESHOLD, *BRIEF).exit_code == 0
    assert [truth for _, _, _, truth, *_ in calls] == [0.0] * len(calls) != []


def test_the_curves_hold_every_epoch_of_a_resumed_run(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = keep("curves", training, "app.figures.training", monkeypatch)
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    assert app("fit", "--run", "product", "--trainer.max_epochs", "6").exit_code == 0
    assert len(calls) == 2  # at the end of each training
    assert calls[1][0]["train/loss"][0] == [1, 2, 3, 4, 5, 6]
    assert calls[1][0]["val/loss"][0] == [2, 4, 6]
    assert Path("lightning_logs/product/version_0/figures/curves.png").is_file()


def test_classes_with_chinese_names_are_no_flood_of_warnings(
    app: App, small_images: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "images").mkdir()
    for chinese, name in (("猫", "blue"), ("狗", "green")):
        (folder / "images" / chinese).symlink_to(small_images / name)
    result = app(
        *("fit", "--config", PROJECT / "configs" / "image_folder.yaml", "--trainer.max_epochs", "1"),
        *("--data.init_args.root", folder / "images"),
    )
    assert result.exit_code == 0, result.err  # warnings are errors here
    assert result.err == ""
    assert sum("font" in line for line in result.out.splitlines()) <= 1


BROKEN = """
from engine.dashboard import Panel


class Broken(Panel):
    def on_train_epoch_end(self, trainer, pl_module):
        raise KeyError("mine")
"""


def test_a_panel_that_fails_is_named_at_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.py").write_text(BROKEN)
    (folder / "broken.yaml").write_text("dashboard: {mine: {class_path: broken.Broken}}\n")
    monkeypatch.syspath_prepend(folder)
    assert main(["fit", "--config", str(PRODUCT), "--config", "broken.yaml", *BRIEF]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "exit code 1: Broken failed (traceback above); everything else is complete"
    assert "KeyError: 'mine'" in said
    assert Path("lightning_logs/product/version_0/checkpoints/best.ckpt").is_file()
