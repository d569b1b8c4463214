"""Figures of a training: loss, metrics and learning rate over epochs."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from app.figures.plots.style import BLUE, GREY, ORANGE, label, legend_above

Line = tuple[Sequence[float], Sequence[float]]
METRICS = 4  # shown beside the loss
MARKED = 20  # points up to so many are marked
COLOUR = {"train": BLUE, "val": ORANGE}  # by split


def curves(lines: Mapping[str, Line], title: str) -> Figure:
    """Return the curves of a training: the loss of both splits, the validation metrics and the learning rate.

    Args:
        lines: Epochs trained and values, by the name of the metric: train/loss, val/accuracy, learning_rate.
        title: What is shown.
    """
    metrics = [name.removeprefix("val/") for name in lines if name.startswith("val/")]
    shown = ["loss", *[name for name in metrics if name not in ("loss", "loss_ratio")][:METRICS]]
    rates = [name for name in lines if name.startswith(("learning_rate", "lr-"))]
    count = len(shown) + bool(rates)
    columns = 2 if count in (2, 4) else min(count, 3)
    rows = math.ceil(count / columns)
    width, height = 3.3 * columns + 0.2, 2.5 * rows + 0.4
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11, y=1 - 0.1 / height, va="top")
    end = max(epochs[-1] for epochs, _ in lines.values())
    for number in range(count):
        row, column = divmod(number, columns)
        left, bottom = 0.65 + 3.3 * column, height - 0.4 - 2.5 * (row + 1) + 0.5
        plot = figure.add_axes((left / width, bottom / height, 2.5 / width, 1.65 / height))
        label(plot, "epochs trained", "")
        plot.set_xlim(0, 1.02 * end)
        plot.tick_params(labelsize=8)
        plot.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        plot.yaxis.set_major_locator(MaxNLocator(4))
        plot.yaxis.set_major_formatter("{x:g}")
        if number < len(shown):
            _metric(plot, lines, shown[number])
        else:
            _rates(plot, lines, rates)
    return figure


def _metric(plot: Axes, lines: Mapping[str, Line], name: str) -> None:
    found = {split: lines[f"{split}/{name}"] for split in COLOUR if f"{split}/{name}" in lines}
    for split, (epochs, values) in found.items():
        marker = "." if len(epochs) <= MARKED else None
        plot.plot(epochs, values, color=COLOUR[split], linewidth=1.3, marker=marker, label=f"{split}/{name}")
    values = [value for line in found.values() for value in line[1]]
    if values and min(values) > 0 and max(values) > 30 * min(values):
        plot.set_yscale("log")
        plot.yaxis.set_major_formatter("{x:g}")  # Matplotlib's own, as a formula, takes longer than all the rest
        plot.yaxis.set_minor_locator(NullLocator())
    if found:
        legend_above(plot)


def _rates(plot: Axes, lines: Mapping[str, Line], names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        epochs, values = lines[name]
        dashes = ("-", "--", ":", "-.")[number % 4]
        # A rate that is logged once an epoch holds from the end of the one before.
        epochs, values = [0, *epochs], [values[0], *values]
        plot.plot(epochs, values, color=GREY, linestyle=dashes, linewidth=1.3, drawstyle="steps-pre", label=name)
    plot.set_ylim(bottom=0)
    legend_above(plot)
