"""Figures of comparisons: what is drawn, read from the plots."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from engine.comparison import draw
from engine.comparison.curves import Curve


def curve(*values: float) -> Curve:
    return np.arange(1.0, len(values) + 1), np.array(values)


def drawn(groups: list[list[Curve]], others: list[list[Curve]] | None = None) -> Figure:
    names = [f"group {number}" for number in range(len(groups))]
    return draw.curves("val/loss", names, groups, others or [[] for _ in groups])


def test_each_seed_is_thin_and_their_mean_is_thick() -> None:
    (plot,) = drawn([[curve(3, 2, 1), curve(5, 4, 1)]]).axes
    thin, thick = plot.lines[:2], plot.lines[2]
    assert [line.get_ydata().tolist() for line in thin] == [[3, 2, 1], [5, 4, 1]]  # type: ignore[union-attr]
    assert np.asarray(thick.get_ydata()).tolist() == [4, 3, 1]
    assert thick.get_linewidth() > 2 * thin[0].get_linewidth()
    (band,) = plot.collections
    assert band.get_paths()[0].get_extents().get_points().tolist() == [[1, 1], [3, 5]]
    assert [text.get_text() for text in plot.get_legend().get_texts()] == ["group 0 (2)"]  # type: ignore[union-attr]


def test_n_is_shown_where_it_changes() -> None:
    (plot,) = drawn([[curve(4, 3, 2, 1), curve(4, 3, 2, 1), curve(4, 3)]]).axes
    assert [text.get_text() for text in plot.texts] == ["n=2"]
    assert plot.texts[0].xy == (3, 2)  # type: ignore[attr-defined]
    (plot,) = drawn([[curve(4, 3), curve(4, 3)]]).axes
    assert not plot.texts


def test_a_wide_range_is_logarithmic_and_a_narrow_one_is_not() -> None:
    assert drawn([[curve(100, 1, 0.1)]]).axes[0].get_yscale() == "log"
    assert drawn([[curve(3, 2, 1)]]).axes[0].get_yscale() == "linear"
    assert drawn([[curve(100, -1, 0.1)]]).axes[0].get_yscale() == "linear"
    rates = [[curve(0.5, 0.2, 0)], [curve(0.001, 0.0005, 0)]]  # which end at 0
    assert drawn(rates).axes[0].get_yscale() == "log"


def test_a_run_that_diverges_leaves_the_plot() -> None:
    (plot,) = drawn([[curve(3, 2, 1)], []], [[], [curve(3, 1e6)]]).axes
    assert plot.get_ylim()[1] < 4
    assert [text.get_text() for text in plot.get_legend().get_texts()] == [  # type: ignore[union-attr]
        "group 0 (1)",
        "group 1 (not averaged)",
    ]
    (plot,) = drawn([[]], [[curve(3, 5)]]).axes  # it alone
    assert plot.get_ylim()[1] > 5


def test_a_path_has_a_start_and_an_end_and_one_name_a_group() -> None:
    there, back = (np.array([1.0, 3, 2]), np.array([9.0, 4, 5])), (np.array([1.0, 2]), np.array([9.0, 8]))
    far = (np.array([1.0, 1e9]), np.array([9.0, -1e9]))
    figure = draw.paths("train/y against train/x", ["a", "b"], [[there, back], []], [[], [far]])
    (plot,) = figure.axes
    assert (plot.get_xlabel(), plot.get_ylabel()) == ("train/x", "train/y")
    lines = {line.get_marker(): line for line in reversed(plot.lines)}
    assert np.asarray(lines["."].get_xydata()).tolist() == [[1, 9], [3, 4], [2, 5]]
    assert np.asarray(lines["o"].get_xydata()).tolist() == [[1, 9]]
    assert np.asarray(lines["*"].get_xydata()).tolist() == [[2, 5]]
    assert plot.get_xlim()[1] < 4  # the path that leaves the plot is not averaged
    texts = [text.get_text() for text in plot.get_legend().get_texts()]  # type: ignore[union-attr]
    assert texts == ["a (2)", "b (not averaged)"]


def test_bars_start_at_zero_or_are_not_drawn() -> None:
    figure = draw.scores("scores", ["a", "b"], {"test/mae": [[1, 2], [3, 5]], "test/accuracy": [[0.97], [0.98]]})
    mae, accuracy = figure.axes[:2]
    assert [bar.get_x() for bar in mae.patches] == [0, 0]  # type: ignore[attr-defined]
    assert mae.get_xlim()[0] <= 0
    assert not accuracy.patches
    assert "not from 0" in accuracy.get_title()


def test_a_group_without_scores_says_so() -> None:
    figure = draw.scores("scores", ["a", "b"], {"test/mae": [[1, 2], []]})
    assert [text.get_text() for text in figure.axes[0].texts] == ["no score"]


@pytest.mark.parametrize("count", [1, 30])
def test_names_lie_inside_the_figure(count: int, tmp_path: Path) -> None:
    names = [f"model.optimizer.lr=0.0{number} of a long name of a group" for number in range(count)]
    figure = draw.curves("x", names, [[curve(1, 2)]] * count, [[]] * count)
    draw.save(figure, tmp_path, "x")
    legend = figure.axes[0].get_legend()
    assert legend is not None
    box, whole = legend.get_window_extent(), figure.bbox
    assert box.x1 <= whole.x1
    assert box.y0 >= 0


def test_many_points_do_not_make_a_page_of_megabytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((20, 2000))
    figure = drawn([[curve(*values) for values in noise]])
    assert draw.save(figure, tmp_path, "noise").stat().st_size < 500_000


def test_a_figure_is_an_svg_and_a_png_and_the_same_each_time(tmp_path: Path) -> None:
    texts = []
    for _ in range(2):
        path = draw.save(drawn([[curve(3, 2, 1)]]), tmp_path, "loss")
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]
    assert texts[0].startswith(b"<?xml")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
