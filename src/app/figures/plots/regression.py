"""Figures of predicted numbers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from app.figures.plots.style import BLUE, GREY, ORANGE, Array, axes, grid, label, legend_above, legend_of_grid, shorten

POINTS = 2000  # more would only cover each other, and take seconds to draw


def curve(
    inputs: Array, targets: Array, line: tuple[Array, Array], truth: Array | None, names: tuple[str, str], title: str
) -> Figure:
    """Return the data, the network's predictions over the range of its one input, and the true curve if it is known.

    Args:
        inputs: Input of each sample (N,).
        targets: Target of each sample (N,).
        line: Inputs and predictions of the curve (M,).
        truth: True targets along the curve (M,).
        names: Of input and target.
        title: What is shown, and when.
    """
    figure, plot = axes(title, *names)
    shown = thinned(len(inputs))
    plot.scatter(inputs[shown], targets[shown], s=10, color=GREY, alpha=0.6, linewidths=0, label="data")
    if truth is not None:
        plot.plot(line[0], truth, color=ORANGE, linewidth=3.5, alpha=0.55, label="truth")
    plot.plot(*line, color=BLUE, linewidth=1.6, label="network")
    legend_above(plot)
    return figure


def scatter(actual: Array, predicted: Array, name: str, title: str) -> Figure:
    """Return predicted against actual values (N,), beside the line on which they would be equal."""
    figure, plot = axes(title, f"actual {name}", f"predicted {name}")
    shown = thinned(len(actual))
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    plot.plot(ends, ends, color=ORANGE, linewidth=1.5, label="predicted = actual")
    plot.scatter(actual[shown], predicted[shown], s=12, color=BLUE, alpha=0.6, linewidths=0, label="sample")
    legend_above(plot)
    return figure


def scatters(actual: Array, predicted: Array, names: Sequence[str], title: str) -> Figure:
    """Return predicted against actual values (N, targets), a plot for each target, with its r2."""
    figure, plots = grid(title, len(names))
    shown = thinned(len(actual))
    for plot, name, x, y in zip(plots, names, actual.T, predicted.T, strict=True):
        label(plot, "actual", "predicted")
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        plot.plot(ends, ends, color=ORANGE, linewidth=1.5, label="predicted = actual")
        plot.scatter(x[shown], y[shown], s=8, color=BLUE, alpha=0.6, linewidths=0, label="sample")
        spread = np.square(x - x.mean()).sum()
        fit = f": r2 {1 - np.square(x - y).sum() / spread:.4f}" if spread else ""
        plot.set_title(f"{shorten(name, 24)}{fit}", fontsize=9)
    legend_of_grid(figure)
    return figure


def all_residuals(actual: Array, predicted: Array, names: Sequence[str], title: str) -> Figure:
    """Return a histogram of the errors, predicted less actual (N, targets), of each target, with mean and deviation."""
    figure, plots = grid(title, len(names))
    for plot, name, errors in zip(plots, names, (predicted - actual).astype(np.float64).T, strict=True):
        label(plot, "predicted - actual", "samples")
        plot.hist(errors, bins=min(40, max(10, int(len(errors) ** 0.5))), color=BLUE, alpha=0.85)
        plot.axvline(errors.mean(), color=ORANGE, linewidth=1.8, label="mean")
        plot.set_title(f"{shorten(name, 20)}: {errors.mean():.3g} ± {errors.std():.3g}", fontsize=9)
    legend_of_grid(figure)
    return figure


def residuals(actual: Array, predicted: Array, name: str, title: str) -> Figure:
    """Return a histogram of the errors, predicted less actual (N,), with mean and standard deviation."""
    errors = (predicted - actual).astype(np.float64)
    mean, deviation = errors.mean(), errors.std()
    figure, plot = axes(title, f"predicted - actual {name}", "samples")
    plot.hist(errors, bins=min(40, max(10, int(len(errors) ** 0.5))), color=BLUE, alpha=0.85)
    plot.axvline(0, color=GREY, linewidth=1)
    plot.axvline(mean, color=ORANGE, linewidth=1.8, label=f"mean {mean:.3g}, standard deviation {deviation:.3g}")
    legend_above(plot)
    return figure


def thinned(count: int) -> Array:
    """Return the indices of at most POINTS samples, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(np.int64))
