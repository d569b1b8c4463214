"""Figures that a reader understands without the code, and that leave nothing behind."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from app.figures.plots.classification import boundary, confusion, precision_recall, regions, roc
from app.figures.plots.multilabel import THRESHOLDS, choice, thresholds
from app.figures.plots.regression import all_residuals, curve, residuals, scatter, scatters
from app.figures.plots.style import BLUE
from app.figures.plots.training import curves, split_and_metric
from engine.dashboard import pixels

DRAW = np.random.default_rng(0)
X, Y = DRAW.normal(size=300), DRAW.normal(size=300)
LABELS = (X > 0).astype(np.int64)
CHANCES = np.stack([1 - 1 / (1 + np.exp(-X)), 1 / (1 + np.exp(-X))], 1)
LINE = np.linspace(-2, 2, 50)
SMALL = np.linspace(0, 1, 5)

WITH_AXES: dict[str, Callable[[], Figure]] = {
    "curve": lambda: curve(X, Y, (LINE, LINE), LINE, ("x", "y"), "Fit, validation, epoch 3"),
    "scatter": lambda: scatter(X, Y, "price", "Predicted against actual"),
    "residuals": lambda: residuals(X, Y, "price", "Residuals"),
    "precision_recall": lambda: precision_recall(LABELS, CHANCES, ["no", "yes"], "Precision and recall"),
    "roc": lambda: roc(LABELS, CHANCES, ["no", "yes"], "ROC"),
    "boundary": lambda: boundary(X, LABELS, (LINE, 1 / (1 + np.exp(-LINE))), 0.0, ["no", "yes"], "x", "Boundary"),
    "regions": lambda: regions(
        np.stack([X, Y], 1), LABELS, (SMALL, SMALL, np.eye(5)), ["no", "yes"], ["a", "b"], "Regions"
    ),
}


@pytest.mark.parametrize("name", WITH_AXES)
def test_a_figure_has_title_axes_and_legend(name: str) -> None:
    figure = WITH_AXES[name]()
    plot = figure.axes[0]
    assert figure.get_suptitle()
    assert plot.get_xlabel()
    assert plot.get_ylabel()
    legend = plot.get_legend()
    assert legend is not None
    figure.canvas.draw()
    inside = plot.get_window_extent()
    assert not inside.shrunk(0.99, 0.99).overlaps(legend.get_window_extent())  # no line crosses it
    image = pixels(figure)
    assert image.shape == (400, 560, 3)
    assert image.std() > 5


def test_an_roc_of_a_perfect_order_has_area_one_and_of_a_reversed_one_zero() -> None:
    def area(chances: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> str:
        legend = roc(LABELS, chances, ["no", "yes"], "").axes[0].get_legend()
        assert legend is not None
        return legend.get_texts()[1].get_text()

    assert area(CHANCES) == "yes: 1.0000"
    assert area(CHANCES[:, ::-1].copy()) == "yes: 0.0000"


def test_the_boundary_is_where_the_probability_is_one_half() -> None:
    slope = 1 / (1 + np.exp(-4 * (LINE - 0.3)))
    legend = boundary(X, LABELS, (LINE, slope), 0.25, ["no", "yes"], "x", "").axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        *("is no", "is yes", "true boundary at 0.25", "network", "boundary at 0.3")
    ]


def test_the_confusion_writes_the_counts_row_by_actual_class() -> None:
    plot = confusion(np.array([[5, 2], [0, 7]]), ["cat", "dog"], "Confusion").axes[0]
    assert {(text.get_position(), text.get_text()) for text in plot.texts} == {
        ((0, 0), "5"),
        ((1, 0), "2"),
        ((1, 1), "7"),
    }
    assert (plot.get_xlabel(), plot.get_ylabel()) == ("predicted", "actual")


def test_a_confusion_of_many_classes_shows_the_twelve_most_common_and_loses_no_sample() -> None:
    counts = DRAW.integers(0, 9, (32, 32))
    common = sorted(range(32), key=lambda number: -counts[number].sum())[:12]
    plot = confusion(counts, [f"c{n}" for n in range(32)], "Confusion").axes[0]
    names = [label.get_text() for label in plot.get_xticklabels()]
    assert names == [*(f"c{n}" for n in sorted(common)), "others"]
    cells = {text.get_position(): int(text.get_text()) for text in plot.texts}
    assert sum(cells.values()) == counts.sum()
    first, second = sorted(common)[:2]
    assert cells.get((1, 0), 0) == counts[first, second]
    assert sum(cells.get((column, 0), 0) for column in range(13)) == counts[first].sum()


def test_tick_labels_never_touch() -> None:
    for scale in (1e-5, 1e-3, 1, 1e5, 1e9):
        figure = residuals(X * scale, (X + Y) * scale, "price", "Residuals")
        figure.canvas.draw()
        for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
            labels = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
            assert not any(a.overlaps(b) for a, b in pairwise(labels)), scale


def test_the_precision_recall_curve_of_a_perfect_order_is_one_everywhere() -> None:
    plot = precision_recall(LABELS, CHANCES, ["no", "yes"], "").axes[0]
    recall, precision = (np.asarray(values) for values in plot.lines[0].get_data())
    assert recall.max() == 1
    assert precision[recall < 1].min() == 1
    legend = plot.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["yes: 1.0000"]


@pytest.mark.parametrize("values", [[9.0, 4.0, 1.0], [1000.0, 10.0, 1.0]], ids=["linear", "logarithmic"])
def test_the_curves_of_a_training_stand_where_their_axes_say(values: list[float]) -> None:
    [plot] = curves({"train/loss": ([1, 2, 4], values)}, "Training").axes
    [line] = [line for line in plot.lines if line.get_color() == BLUE]
    scale = np.log10 if values[0] > 100 else np.asarray
    places = np.asarray(line.get_data())
    for axis, alignment, numbers in ((0, "top", [1, 2, 4]), (1, "right", scale(values))):
        ticks = [
            text for text in plot.texts if alignment in (text.get_verticalalignment(), text.get_horizontalalignment())
        ]
        marks = [float(text.get_text()) for text in ticks]
        known = scale(marks) if axis else marks
        slope, start = np.polyfit(known, [text.get_position()[axis] for text in ticks], 1)
        assert len(ticks) >= 3
        assert places[axis] == pytest.approx(start + slope * np.asarray(numbers))


def test_losses_share_a_plot_and_every_metric_has_its_own() -> None:
    names = ["train/loss", "val/loss", "val/mae", "train/gradient_norm", "learning_rate"]
    [plot] = curves({name: ([1, 2], [2.0, 1.0]) for name in names}, "Training").axes
    texts = {text.get_text(): text for text in plot.texts}
    assert [name for name in names if name in texts] == ["train/loss", "val/loss", "val/mae", "learning_rate"]
    assert texts["train/loss"].get_color() == BLUE
    assert texts["train/loss"].get_position()[1] == texts["val/loss"].get_position()[1]
    assert sum(text.get_text() == "epochs trained" for text in plot.texts) == 3


def test_a_training_that_diverged_has_curves() -> None:
    assert curves({"train/loss": ([1, 2], [2.0, float("nan")]), "val/loss": ([1], [float("inf")])}, "Training")


@pytest.mark.parametrize(
    ("name", "split", "metric"),
    [
        ("val/loss", "val", "loss"),
        ("val_loss", "val", "loss"),
        ("loss/valid", "val", "loss"),
        ("Train Loss/a", "train", "Loss/a"),
        ("learning_rate", "", "learning_rate"),
        ("value", "", "value"),
    ],
)
def test_the_name_of_a_curve_says_its_split_and_metric(name: str, split: str, metric: str) -> None:
    assert split_and_metric(name) == (split, metric)


def test_the_best_threshold_is_that_of_the_highest_f1() -> None:
    true, chances = LABELS, CHANCES[:, 1] * 0.5  # above 0.25 all have the label
    found = choice(true, chances)
    assert THRESHOLDS[found.best] == pytest.approx(0.25, abs=0.011)
    said = chances >= 0.4
    place = int(np.flatnonzero(np.isclose(THRESHOLDS, 0.4))[0])
    assert found.precision[place] == pytest.approx((said & (true > 0)).sum() / said.sum())
    assert found.recall[place] == pytest.approx((said & (true > 0)).sum() / true.sum())
    assert np.isnan(found.precision[-1])  # nothing is predicted
    assert choice(true * 0, chances).f1.max() == 0


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_several_plots_stand_side_by_side_and_touch_nowhere(count: int) -> None:
    actual = np.stack([X + number for number in range(count)], 1)
    names = [f"target {number}" for number in range(count)]
    figures = [draw(actual, actual + Y[:, None], names, "A title") for draw in (scatters, all_residuals)]
    figures.append(thresholds([choice(LABELS, CHANCES[:, 1])] * count, [0.5] * count, names, "A title"))
    for figure in figures:
        figure.canvas.draw()
        boxes = [box for plot in figure.axes if (box := plot.get_tightbbox())]
        assert len(boxes) == count
        boxes += [legend.get_window_extent() for legend in figure.legends]
        assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[place + 1 :])
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_the_curve_of_a_label_is_that_of_its_column() -> None:
    both = np.stack([LABELS, 1 - LABELS], 1)
    legend = roc(both, CHANCES[:, [1, 1]], ["yes", "no"], "").axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][1:] == ["yes: 1.0000", "no: 0.0000"]
