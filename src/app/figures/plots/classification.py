"""Figures of predicted classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torchmetrics.functional.classification import binary_average_precision, binary_precision_recall_curve, binary_roc

from app.figures.plots.regression import thinned
from app.figures.plots.style import BLUE, COLOURS, GREY, ORANGE, Array, axes, legend_beside, shorten

SHOWN, COMMON = 20, 12  # classes up to so many are all shown; of more, the most common ones


def confusion(counts: Array, names: Sequence[str], title: str) -> Figure:
    """Return a confusion matrix: samples of each class (rows) by the class that was predicted (columns).

    Args:
        counts: Samples (classes, classes).
        names: Of the classes; of more than 20, the twelve most common ones are shown, and the others as one.
        title: What is shown, and when.
    """
    if len(names) > SHOWN:
        title = f"{title}\nthe {COMMON} most common of {len(names)} classes"
        counts, names = _most_common(counts, names)
    side = 5.2 if len(names) <= 10 else 6.8
    figure, plot = axes(title, "predicted", "actual", (side, side))
    fractions = counts / counts.sum(1, keepdims=True).clip(1)
    plot.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    plot.grid(visible=False)
    short = [shorten(name, 10) for name in names]
    slanted = max(map(len, short)) > 3
    ticks = range(len(names))
    plot.set_xticks(ticks, short, rotation=40 if slanted else 0, ha="right" if slanted else "center", fontsize=8)
    plot.set_yticks(ticks, short, fontsize=8)
    plot.set_position((0.19, 0.17, 0.77, 0.73))
    cell = 72 * 0.75 * side / len(names)  # points
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if fractions[row, column] > 0.6 else "black"
        text = f"{counts[row, column]:.0f}"
        size = min(8.0, 1.4 * cell / len(text))
        plot.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    return figure


def _most_common(counts: Array, names: Sequence[str]) -> tuple[Array, list[str]]:
    """Return the counts of the most common classes, in the order of the classes, with all others as the last one."""
    common = np.sort(np.argsort(-counts.sum(1), kind="stable")[:COMMON])
    place = np.full(len(names), COMMON)
    place[common] = np.arange(COMMON)
    reduced = np.zeros((COMMON + 1, COMMON + 1), counts.dtype)
    np.add.at(reduced, (place[:, None], place[None, :]), counts)
    return reduced, [*(names[number] for number in common), "others"]


def roc(labels: Array, probabilities: Array, names: Sequence[str], title: str) -> Figure:
    """Return the receiver operating characteristic of each class against the rest, with the area under it.

    Args:
        labels: Class of each sample (N,), or labels of 0 and 1 (N, labels).
        probabilities: Of each class or label (N, classes).
        names: Of the classes; of two, the second is drawn, whose curve is the other's mirror image.
        title: What is shown, and when.
    """
    figure, plot = axes(title, "false positive rate", "true positive rate", right=1.75)
    plot.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="by chance: 0.5")
    for number, (true, chances) in _one_against_rest(labels, probabilities, names).items():
        x, y, _ = binary_roc(chances, true)
        plot.plot(x, y, **_line(number, f"{shorten(names[number])}: {torch.trapezoid(y, x).item():.4f}"))
    legend_beside(plot, f"{'class' if labels.ndim == 1 else 'label'}: area under curve")
    return figure


def precision_recall(labels: Array, probabilities: Array, names: Sequence[str], title: str) -> Figure:
    """Return precision against recall of each class against the rest, with the average precision.

    Args:
        labels: Class of each sample (N,), or labels of 0 and 1 (N, labels).
        probabilities: Of each class or label (N, classes).
        names: Of the classes; of two, the second is drawn.
        title: What is shown, and when.
    """
    figure, plot = axes(title, "recall", "precision", right=1.75)
    plot.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    for number, (true, chances) in _one_against_rest(labels, probabilities, names).items():
        precision, recall, _ = binary_precision_recall_curve(chances, true)
        average = binary_average_precision(chances, true).item()
        style = _line(number, f"{shorten(names[number])}: {average:.4f}")
        plot.plot(recall, precision, drawstyle="steps-post", **style)
    if plot.lines:  # of one class alone there is nothing to tell apart
        legend_beside(plot, f"{'class' if labels.ndim == 1 else 'label'}: average precision")
    return figure


def _one_against_rest(
    labels: Array, probabilities: Array, names: Sequence[str]
) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    """Return, for each class that has samples and not all of them, which samples are of it and its probabilities."""
    shown = [1] if len(names) == 2 and labels.ndim == 1 else range(len(names))
    members = {number: labels == number if labels.ndim == 1 else labels[:, number] > 0 for number in shown}
    return {
        number: (torch.tensor(true).long(), torch.tensor(probabilities[:, number]))
        for number, true in members.items()
        if 0 < true.sum() < len(labels)
    }


def _line(number: int, label: str) -> dict[str, Any]:
    dashed = "--" if number >= len(COLOURS) else "-"
    return {"linestyle": dashed, "color": COLOURS[number % len(COLOURS)], "linewidth": 1.5, "label": label}


def boundary(
    inputs: Array,
    labels: Array,
    line: tuple[Array, Array],
    truth: float | None,
    names: Sequence[str],
    feature: str,
    title: str,
) -> Figure:
    """Return the probability of the second of two classes along the one input, and where it crosses one half.

    Args:
        inputs: Input of each sample (N,).
        labels: Class of each sample (N,), 0 or 1.
        line: Inputs and probabilities in [0, 1] of the curve (M,).
        truth: The true boundary, if it is known.
        names: Of the two classes.
        feature: Name of the input.
        title: What is shown, and when.
    """
    figure, plot = axes(title, feature, f"probability of {names[1]}", right=1.75)
    for number, colour in enumerate(COLOURS[1:3]):
        chosen = inputs[labels == number]
        chosen = chosen[thinned(len(chosen))]
        heights = np.full(len(chosen), number) + np.linspace(-0.03, 0.03, max(len(chosen), 1))[: len(chosen)]
        plot.scatter(chosen, heights, s=12, color=colour, alpha=0.6, linewidths=0, label=f"is {shorten(names[number])}")
    if truth is not None:
        plot.axvline(truth, color=ORANGE, linewidth=3.5, alpha=0.55, label=f"true boundary at {truth:.3g}")
    plot.plot(*line, color=BLUE, linewidth=1.8, label="network")
    above = line[1] > 0.5
    for place in np.nonzero(above[1:] != above[:-1])[0]:
        x, p = (column[place : place + 2].astype(np.float64) for column in line)
        crossing = x[0] + (x[1] - x[0]) * (0.5 - p[0]) / (p[1] - p[0])
        plot.axvline(crossing, color="black", linestyle="--", linewidth=1.2, label=f"boundary at {crossing:.3g}")
    legend_beside(plot, "")
    return figure


def regions(
    points: Array,
    labels: Array,
    grid: tuple[Array, Array, Array],
    names: Sequence[str],
    features: Sequence[str],
    title: str,
) -> Figure:
    """Return the predicted class over two inputs, and the samples.

    Args:
        points: Inputs of the samples (N, 2).
        labels: Class of each sample (N,).
        grid: First inputs (M,), second inputs (M,) and the class predicted at each pair (M, M), rows by the second.
        names: Of the classes.
        features: Names of the inputs.
        title: What is shown, and when.
    """
    figure, plot = axes(title, features[0], features[1], right=1.25)
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
    legend_beside(plot, "class")
    return figure
