"""Figures of a training: loss, metrics and learning rate over epochs."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from app.figures.plots.style import BLUE, GREY, ORANGE, Array

Line = tuple[Sequence[float], Sequence[float]]
SPLITS = {"train": "train(ing)?", "val": "val(id(ation)?)?"}  # and their words in the names of metrics
METRICS = 4  # shown beside the loss
MARKED = 20  # points up to so many are marked
CELL, PLOT = (3.3, 2.2), (2.5, 1.35)  # width and height in inches of a small plot, with and without its labels


def curves(lines: Mapping[str, Line], title: str) -> Figure:
    """Return the curves of a training: the loss of both splits, the validation metrics and the learning rate.

    All are drawn into one plot, in units of inches: axes of their own would take four times as long, and this figure is
    drawn at the end of every training.

    Args:
        lines: Epochs trained and values, by the name of the metric: train/loss, val/accuracy, learning_rate.
        title: What is shown.
    """
    groups = _groups(list(lines))
    columns = 2 if len(groups) in (2, 4) else min(len(groups), 3)
    rows = math.ceil(len(groups) / columns)
    width, height = CELL[0] * columns + 0.1, CELL[1] * rows + 0.4
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11, y=1 - 0.1 / height, va="top")
    plot = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height), autoscale_on=False)
    plot.axis("off")
    end = max(epochs[-1] for epochs, _ in lines.values())
    for number, names in enumerate(groups):
        row, column = divmod(number, columns)
        corner = (0.65 + CELL[0] * column, height - 0.4 - CELL[1] * (row + 1) + 0.5)
        _SmallPlot(plot, corner, {name: lines[name] for name in names}, end).draw()
    return figure


def split_and_metric(name: str) -> tuple[str, str]:
    """Return what a name says: (val, loss) for val/loss as for loss/valid and val_loss, ("", acc) for acc."""
    for split, said in SPLITS.items():
        if found := re.search(rf"(?i)(?<![a-z]){said}(?![a-z])", name):
            rest = name[: found.start()] + " " + name[found.end() :]
            return split, re.sub(r"^[\W_]+|[\W_]+$", "", rest)
    return "", name


def _groups(names: list[str]) -> list[list[str]]:
    """Return the names of the lines of each small plot."""
    found: dict[tuple[str, str], str] = {}
    for name in names:
        found.setdefault(split_and_metric(name), name)
    metrics = [metric for split, metric in found if split == "val" and metric not in ("loss", "loss_ratio")]
    pairs = [[(split, metric) for split in SPLITS] for metric in ("loss", *metrics[:METRICS])]
    groups = [[found[key] for key in pair if key in found] for pair in pairs]
    rates = [name for name in names if name.startswith(("learning_rate", "lr-"))]
    return [group for group in (*groups, rates) if group]


class _SmallPlot:
    """A small plot.

    Args:
        plot: It is drawn into this one, in units of inches.
        corner: The lower left corner.
        lines: Epochs and values by name.
        end: The greatest x.
    """

    def __init__(self, plot: Axes, corner: tuple[float, float], lines: Mapping[str, Line], end: float) -> None:
        self.plot, (self.left, self.bottom), self.lines, self.end = plot, corner, lines, end
        self.rates = split_and_metric(next(iter(lines)))[0] == ""
        values = np.concatenate([np.asarray(values, float) for _, values in lines.values()])
        values = values[np.isfinite(values)]
        self.low = float(values.min()) if len(values) and not self.rates else 0.0
        self.high = max(float(values.max()) if len(values) else 0.0, self.low)
        self.log = self.low > 0 and self.high > 30 * self.low
        if self.high == self.low:
            self.high += abs(self.low) or 1

    def draw(self) -> None:
        """Draw axes and lines."""
        self._axes()
        for number, (name, (epochs, values)) in enumerate(self.lines.items()):
            colour = GREY if self.rates else BLUE if split_and_metric(name)[0] == "train" else ORANGE
            style = ("-", "--", ":", "-.")[number % 4] if self.rates else "-"
            marker, step = "." if len(epochs) <= MARKED else None, "default"
            if self.rates:  # logged once an epoch, it holds from the end of the one before
                epochs, values, marker, step = [0, *epochs], [values[0], *values], None, "steps-pre"
            self.plot.plot(
                self.x(epochs), self.y(values), style, color=colour, linewidth=1.3, marker=marker, drawstyle=step
            )
            self.plot.text(self.left + 1.25 * number, self.bottom + PLOT[1] + 0.08, name, fontsize=8.5, color=colour)

    def x(self, epochs: Sequence[float]) -> Array:
        """Return places from left to right, in inches."""
        return self.left + np.asarray(epochs, float) / self.end * PLOT[0]

    def y(self, values: Sequence[float]) -> Array:
        """Return places from bottom to top, in inches, for values on a linear or logarithmic scale."""
        low, high, places = (np.asarray(part, float) for part in (self.low, self.high, values))
        if self.log:
            low, high, places = np.log10(low), np.log10(high), np.log10(places)
        fractions: Array = (places - low) / (high - low)
        return self.bottom + PLOT[1] * (0.05 + 0.9 * fractions)

    def _axes(self) -> None:
        left, bottom, (width, height) = self.left, self.bottom, PLOT
        xs, ys = [left, left, left + width], [bottom + height, bottom, bottom]
        self.plot.plot(xs, ys, color="black", linewidth=0.8)
        self.plot.text(left + width / 2, bottom - 0.36, "epochs trained", fontsize=8, ha="center", va="baseline")
        for tick in MaxNLocator(4, integer=True).tick_values(0, self.end):
            if tick <= self.end:
                self.plot.text(self.x([tick])[0], bottom - 0.07, f"{tick:g}", fontsize=7.5, ha="center", va="top")
        for tick in (LogLocator(numticks=4) if self.log else MaxNLocator(4)).tick_values(self.low, self.high):
            if self.low <= tick <= self.high:
                place = self.y([tick])[0]
                self.plot.plot([left, left + width], [place, place], color=GREY, linewidth=0.5, alpha=0.35)
                self.plot.text(left - 0.06, place, f"{tick:g}", fontsize=7.5, ha="right", va="center")
