"""Figures of a comparison: curves over seeds, and final scores with intervals."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from engine.comparison.curves import AGAINST, Band, Curve, band
from engine.comparison.statistics import LEVEL

# Okabe and Ito 2008, "Color Universal Design": told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
STYLES = ("-", "--", ":", "-.")
MARKED = 20  # curves of up to so many points show them
WIDE = 30.0  # greatest over least value from which on a scale is logarithmic
POINTS = 5000  # of all seeds of a figure, from which on they are pixels in the SVG: it would have megabytes
BEHIND, BEFORE = 1.5, 2.5  # layers: seeds and bands, means
LENGTH = 40  # letters of a name in a legend


def curves(
    title: str, names: Sequence[str], groups: Sequence[Sequence[Curve]], others: Sequence[Sequence[Curve]]
) -> Figure:
    """Return the curves of groups: each seed thin, their mean, and a band from least to most.

    Where seeds end earlier than others, n says how many are left. Runs that are not averaged are dotted.

    Args:
        title: What was logged.
        names: Of the groups.
        groups: Curves of each group's averaged runs.
        others: Curves of its other runs.
    """
    figure, plot = _axes(title, names)
    for place, name in enumerate(names):
        colour, style = _look(place)
        for x, y in groups[place]:
            plot.plot(x, y, linewidth=0.7, alpha=0.4, color=colour, zorder=BEHIND)
        for x, y in others[place]:
            plot.plot(x, y, linewidth=1, linestyle=":", color=colour, zorder=BEHIND)
        if groups[place]:
            _draw(plot, band(groups[place]), colour, style, _cut(name))
        elif others[place]:
            plot.plot([], [], linewidth=1, linestyle=":", color=colour, label=f"{_cut(name)} (not averaged)")
    _scale(plot, groups if any(groups) else others)
    if sum(len(x) for side in (*groups, *others) for x, _ in side) > POINTS:
        plot.set_rasterization_zorder(BEFORE)
    plot.set_xlabel("epochs trained")
    plot.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8.5, borderaxespad=0)
    return figure


def paths(
    title: str, names: Sequence[str], groups: Sequence[Sequence[Curve]], others: Sequence[Sequence[Curve]]
) -> Figure:
    """Return the paths of groups, one logged number against another; a circle is the start of each, a star its end.

    Args:
        title: What was logged: "train/y against train/x".
        names: Of the groups.
        groups: Both numbers of each group's averaged runs, (x, y) in the order of the steps.
        others: Those of its other runs, which are dotted.
    """
    figure, plot = _axes(title, names)
    for place, name in enumerate(names):
        colour, style = _look(place)
        label = f"{_cut(name)} ({len(groups[place])})" if groups[place] else f"{_cut(name)} (not averaged)"
        for line, runs in ((style, groups[place]), (":", others[place])):
            for x, y in runs:
                plot.plot(x, y, line, marker=".", markersize=3, linewidth=1, color=colour, alpha=0.8, label=label)
                plot.plot(x[:1], y[:1], "o", color=colour, markersize=7, markerfacecolor="none", zorder=BEFORE)
                plot.plot(x[-1:], y[-1:], "*", color=colour, markersize=11, zorder=BEFORE)
                label = "_"  # which a legend leaves out
    shown = groups if any(groups) else others
    limits = []
    for place in (0, 1):
        values = np.concatenate([path[place] for group in shown for path in group])
        margin = 0.05 * float(np.ptp(values)) or 1.0
        limits.append((float(values.min()) - margin, float(values.max()) + margin))
    plot.set(xlim=limits[0], ylim=limits[1])
    y_name, _, x_name = title.partition(AGAINST)
    plot.set_xlabel(x_name)
    plot.set_ylabel(y_name)
    plot.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8.5, borderaxespad=0)
    return figure


def scores(title: str, names: Sequence[str], metrics: dict[str, list[list[float]]]) -> Figure:
    """Return the scores of groups: mean and its 95 % interval, and a dot for each seed.

    Bars start at 0. Where scores are too close for that to show anything, there are no bars.

    Args:
        title: What is shown.
        names: Of the groups.
        metrics: The values of each group by the name of a metric.
    """
    columns = min(len(metrics), 3)
    rows = math.ceil(len(metrics) / columns)
    labels = [_cut(name) for name in names]
    left = 0.3 + 0.075 * max(map(_length, labels))
    width, height = max(left + 2.9 * columns, 0.085 * len(title)), rows * (0.9 + 0.32 * len(names)) + 0.4
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11, y=1 - 0.08 / height, va="top")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    bottom, top = 0.4 / height, 1 - 0.7 / height
    figure.subplots_adjust(left / width, bottom, 1 - 0.15 / width, top, wspace=0.15, hspace=1.1 / (0.32 * len(names)))
    for place, plot in enumerate(grid.flat):
        if place >= len(metrics):
            plot.set_visible(False)
            continue
        metric = list(metrics)[place]
        _bars(plot, metric, metrics[metric])
        plot.set_yticks(range(len(labels)), labels, fontsize=8.5)
    grid[0, 0].set_ylim(len(names) - 0.4, -0.6)
    return figure


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write a figure as NAME.svg and NAME.png, and return the path of the first."""
    path = folder / f"{name}.svg"
    with mpl.rc_context({"svg.hashsalt": name}):  # the same figure is the same file
        figure.savefig(path, metadata={"Date": None}, dpi=200)  # of what is pixels in it
    figure.savefig(folder / f"{name}.png")
    return path


def _draw(plot: Axes, found: Band, colour: str, style: str, name: str) -> None:
    most = int(found.n.max())
    marker = "." if len(found.epochs) <= MARKED else None
    plot.plot(
        found.epochs,
        found.mean,
        style,
        color=colour,
        linewidth=1.8,
        marker=marker,
        label=f"{name} ({most})",
        zorder=BEFORE,
    )
    if most > 1:
        plot.fill_between(found.epochs, found.low, found.high, color=colour, alpha=0.15, linewidth=0, zorder=BEHIND)
    for place in np.flatnonzero(np.diff(found.n)) + 1:
        if len(found.epochs) - np.count_nonzero(np.diff(found.n)) > len(found.epochs) / 2:  # not at every point
            at = (found.epochs[place], found.mean[place])
            plot.annotate(f"n={found.n[place]}", at, (0, 5), textcoords="offset points", fontsize=8, color=colour)


def _bars(plot: Axes, metric: str, groups: Sequence[Sequence[float]]) -> None:
    every = [value for values in groups for value in values]
    least, most = min(every), max(every)
    from_zero = min(abs(least), abs(most)) < 0.8 * max(abs(least), abs(most)) or least * most <= 0
    for place, values in enumerate(groups):
        if not values:
            plot.annotate("no score", (0.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=8)
            continue
        mean, colour = float(np.mean(values)), COLOURS[place % len(COLOURS)]
        if from_zero:
            plot.barh(place, mean, height=0.6, color=colour, alpha=0.35)
        if len(values) > 1:
            error = stats.sem(values) * stats.t.ppf(1 - LEVEL / 2, len(values) - 1)
            plot.errorbar(mean, place, xerr=error, color=colour, capsize=4, linewidth=1.6)
        plot.plot(values, [place] * len(values), "o", color=colour, markersize=3, alpha=0.5)
        plot.plot(mean, place, "|", color=colour, markersize=12, markeredgewidth=2)
    plot.set_title(f"{metric}{'' if from_zero else ' (not from 0)'}", fontsize=9)
    _tidy(plot)


def _axes(title: str, names: Sequence[str]) -> tuple[Figure, Axes]:
    beside = 1.0 + 0.08 * max(_length(f"{_cut(name)} (not averaged)") for name in names)  # inches for the legend
    width, height = 5.8 + beside, max(4.0, 0.21 * len(names) + 1)
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    plot = figure.add_axes((0.75 / width, 0.55 / height, 5 / width, 1 - 0.95 / height))
    plot.set_title(title, fontsize=11)
    _tidy(plot)
    return figure, plot


def _tidy(plot: Axes) -> None:
    plot.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    plot.ticklabel_format(axis="x", scilimits=(-3, 4))
    plot.tick_params(labelsize=8.5)
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.25)
    plot.set_axisbelow(True)


def _scale(plot: Axes, groups: Sequence[Sequence[Curve]]) -> None:
    """Set the range of the averaged curves, with which one that diverges leaves the plot; logarithmic if it is wide."""
    values = [np.concatenate([y for _, y in group]) for group in groups if group]
    low, high = min(float(each.min()) for each in values), max(float(each.max()) for each in values)
    least = min(float(each.max()) for each in values)  # a group's own maximum: a learning rate may end at 0
    if low >= 0 < least and (high > WIDE * least or high > WIDE * low > 0):
        plot.set_yscale("log")
        plot.set_ylim(max(low, least / 1e3 if low == 0 else low) / 1.2, high * 1.2)
    elif high > low:
        plot.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))


def _look(place: int) -> tuple[str, str]:
    return COLOURS[place % len(COLOURS)], STYLES[place // len(COLOURS) % len(STYLES)]


def _cut(name: str) -> str:
    return name if len(name) <= LENGTH else f"{name[: LENGTH - 9]}…{name[-8:]}"


def _length(name: str) -> int:
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in name)  # Chinese letters are twice as wide
