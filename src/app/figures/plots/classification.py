"""Figures of predicted classes."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torchmetrics.functional.classification import binary_roc

from app.figures.plots.regression import thinned
from app.figures.plots.style import BLUE, COLOURS, GREY, ORANGE, Array, axes, shorten

NAMED, COUNTED = 60, 20  # classes up to so many are named, and their counts written


def confusion(counts: Array, names: Sequence[str], title: str) -> Figure:
    """Return how many samples of each class (rows) were taken for which (columns).

    Args:
        counts: Samples (classes, classes).
        names: Of the classes.
        title: What is shown, and when.
    """
    side = 5.2 if len(names) <= 10 else 6.8
    figure, plot = axes(title, "predicted", "actual", (side, side))
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    plot.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    plot.grid(visible=False)
    if len(names) <= NAMED:
        short = [shorten(name, 9) for name in names]
        slanted = max(map(len, short)) > 3
        ticks = range(len(names))
        plot.set_xticks(ticks, short, rotation=40 if slanted else 0, ha="right" if slanted else "center", fontsize=8)
        plot.set_yticks(ticks, short, fontsize=8)
        plot.set_position((0.16, 0.17, 0.8, 0.74))
    if len(names) <= COUNTED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.6 else "black"
            plot.text(column, row, f"{counts[row, column]:g}", ha="center", va="center", color=colour, fontsize=8)
    return figure


def roc(labels: Array, probabilities: Array, names: Sequence[str], title: str) -> Figure:
    """Return the receiver operating characteristic of each class against the rest, with the area under it.

    Args:
        labels: Class of each sample (N,).
        probabilities: Of each class (N, classes).
        names: Of the classes; of two, the second is drawn, whose curve is the other's mirror image.
        title: What is shown, and when.
    """
    figure, plot = axes(title, "false positive rate", "true positive rate")
    plot.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="by chance 0.5")
    for number in [1] if len(names) == 2 else range(len(names)):
        if 0 < (labels == number).sum() < len(labels):
            false, true, _ = binary_roc(torch.tensor(probabilities[:, number]), torch.tensor(labels == number).long())
            colour, dashed = COLOURS[number % len(COLOURS)], "--" if number >= len(COLOURS) else "-"
            name = f"{shorten(names[number])}: {torch.trapezoid(true, false).item():.4f}"
            plot.plot(false, true, dashed, color=colour, linewidth=1.5, label=name)
    plot.legend(frameon=False, fontsize=8, title="class, area under curve", title_fontsize=8, loc="lower right")
    return figure


def boundary(
    inputs: Array, labels: Array, line: tuple[Array, Array], names: Sequence[str], feature: str, title: str
) -> Figure:
    """Return the probability of the second of two classes along the one input, and where it crosses one half.

    Args:
        inputs: Input of each sample (N,).
        labels: Class of each sample (N,), 0 or 1.
        line: Inputs and probabilities in [0, 1] of the curve (M,).
        names: Of the two classes.
        feature: Name of the input.
        title: What is shown, and when.
    """
    figure, plot = axes(title, feature, f"probability of {names[1]}")
    for number, colour in enumerate((BLUE, ORANGE)):
        chosen = inputs[labels == number]
        chosen = chosen[thinned(len(chosen))]
        heights = np.full(len(chosen), number) + np.linspace(-0.03, 0.03, max(len(chosen), 1))[: len(chosen)]
        plot.scatter(chosen, heights, s=12, color=colour, alpha=0.6, linewidths=0, label=f"is {names[number]}")
    plot.plot(*line, color="black", linewidth=1.8, label="network")
    above = line[1] > 0.5
    for place in np.nonzero(above[1:] != above[:-1])[0]:
        x, p = (column[place : place + 2].astype(np.float64) for column in line)
        crossing = x[0] + (x[1] - x[0]) * (0.5 - p[0]) / (p[1] - p[0])
        plot.axvline(crossing, color=GREY, linestyle="--", linewidth=1.2, label=f"boundary at {crossing:.3g}")
    plot.legend(frameon=False)
    return figure


def regions(
    points: Array,
    labels: Array,
    grid: tuple[Array, Array, Array],
    names: Sequence[str],
    features: Sequence[str],
    title: str,
) -> Figure:
    """Return which class the network predicts where, over two inputs, and the samples.

    Args:
        points: Inputs of the samples (N, 2).
        labels: Class of each sample (N,).
        grid: First inputs (M,), second inputs (M,) and the class predicted at each pair (M, M), rows by the second.
        names: Of the classes.
        features: Names of the inputs.
        title: What is shown, and when.
    """
    figure, plot = axes(title, features[0], features[1])
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(names))]
    tint = LinearSegmentedColormap.from_list("classes", colours, N=len(names))
    plot.pcolormesh(*grid, cmap=tint, vmin=-0.5, vmax=len(names) - 0.5, alpha=0.25, shading="nearest", linewidth=0)
    plot.grid(visible=False)
    for number, colour in enumerate(colours):
        chosen = points[labels == number]
        chosen = chosen[thinned(len(chosen))] if len(chosen) else chosen
        plot.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=14,
            color=colour,
            edgecolors="white",
            linewidths=0.4,
            label=shorten(names[number]),
        )
    plot.legend(frameon=True, fontsize=8, loc="upper right")  # "best" takes seconds on many points, and warns
    return figure
