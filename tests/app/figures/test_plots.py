"""Figures that a reader understands without the code, and that leave nothing behind."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from app.figures.plots.classification import boundary, confusion, regions, roc
from app.figures.plots.regression import curve, residuals, scatter
from engine.dashboard.pictures import feature_maps, images, pixels

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
    assert plot.get_title()
    assert plot.get_xlabel()
    assert plot.get_ylabel()
    assert plot.get_legend() is not None
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
    assert legend.get_texts()[-1].get_text() == "boundary at 0.3"


def test_the_confusion_writes_the_counts_row_by_actual_class() -> None:
    plot = confusion(np.array([[5, 2], [0, 7]]), ["cat", "dog"], "Confusion").axes[0]
    assert {(text.get_position(), text.get_text()) for text in plot.texts} == {
        ((0, 0), "5"),
        ((1, 0), "2"),
        ((1, 1), "7"),
    }
    assert (plot.get_xlabel(), plot.get_ylabel()) == ("predicted", "actual")
    assert not confusion(np.eye(50), [str(n) for n in range(50)], "many").axes[0].texts


def test_pictures_have_captions() -> None:
    figure = images(DRAW.integers(0, 255, (5, 3, 8, 8), dtype=np.uint8), list("abcde"), "Batch", columns=3)
    [plot] = figure.axes
    assert [text.get_text() for text in plot.texts] == list("abcde")
    assert len(plot.images) == 5
    places = [image.get_extent()[::2] for image in plot.images]
    assert len({left for left, _ in places}) == 3  # columns
    assert len({round(bottom, 6) for _, bottom in places}) == 2  # rows
    assert pixels(figure).std() > 5


def test_feature_maps_are_a_row_a_layer() -> None:
    maps = {"conv1": DRAW.normal(size=(16, 8, 8)), "conv2": DRAW.normal(size=(2, 4, 4))}
    figure = feature_maps(DRAW.random((1, 8, 8)), maps, "Feature maps", channels=4)
    [plot] = figure.axes
    assert [text.get_text() for text in plot.texts] == [
        *("input", "conv1 #0", "#1", "#2", "#3"),
        *("conv2 #0", "#1"),
    ]
