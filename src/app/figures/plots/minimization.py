"""Figures of the path that an optimizer takes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from app.figures.plots.style import BLUE, GREY, ORANGE, Array, axes, legend_above

LEVELS = 14  # contours, closer to each other the lower they are
MARGIN = 0.15  # of the width of the path, shown around it


def on_curve(curve: tuple[Array, Array], path: tuple[Array, Array], title: str) -> Figure:
    """Return a function of one variable, and the points of a path on it.

    Args:
        curve: Variable and value along the curve (M,).
        path: Variable and value at each point of the path (N,).
        title: What is shown.
    """
    figure, plot = axes(title, "x", "value")
    plot.plot(*curve, color=GREY, linewidth=1.4, label="function")
    _path(plot, *path)
    low, high = np.nanmin(curve[1]), np.nanmax(curve[1])
    plot.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    legend_above(plot)
    return figure


def on_contours(grid: tuple[Array, Array, Array], path: tuple[Array, Array], title: str) -> Figure:
    """Return the contours of a function of two variables, and a path across them.

    Args:
        grid: Both variables (M,) and (K,), and the values (K, M).
        path: Both variables at each point of the path (N,).
        title: What is shown.
    """
    figure, plot = axes(title, "x", "y")
    x, y, values = grid
    height = values - values.min()
    levels = height.max() * np.logspace(-5, 0, LEVELS)
    plot.contour(x, y, height, levels=levels, colors=GREY, linewidths=0.7, alpha=0.6)
    _path(plot, *path)
    legend_above(plot)
    return figure


def spread(values: Array, points: int) -> Array:
    """Return so many numbers over the range of a path (N,), and a margin around it."""
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, points)


def _path(plot: Axes, x: Array, y: Array) -> None:
    plot.plot(x, y, ".-", color=BLUE, linewidth=0.9, markersize=4, alpha=0.8, label="steps")
    plot.plot(x[:1], y[:1], "o", color=ORANGE, markersize=8, label="start", zorder=3)
    plot.plot(x[-1:], y[-1:], "*", color=ORANGE, markersize=13, label="end", zorder=3)
