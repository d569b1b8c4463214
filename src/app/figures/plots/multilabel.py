"""Figures of labels of which a sample may have several."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from app.figures.plots.style import COLOURS, GREY, Array, grid, label, legend_of_grid, shorten

THRESHOLDS = np.linspace(0.01, 0.99, 99)


@dataclass(frozen=True)
class Choice:
    """What follows from each of THRESHOLDS for one label: precision is NaN where nothing is predicted."""

    precision: Array
    recall: Array
    f1: Array

    @property
    def best(self) -> int:
        """Place of the threshold with the highest F1; of several, the middle one."""
        places = np.flatnonzero(self.f1 == self.f1.max())
        return int(places[len(places) // 2])


def choice(true: Array, probabilities: Array) -> Choice:
    """Return precision, recall and F1 of a label, from which samples have it (N,) and its probabilities (N,)."""
    said = probabilities[:, None] >= THRESHOLDS
    hits, predicted, there = (said & (true[:, None] > 0)).sum(0), said.sum(0), int((true > 0).sum())
    precision = np.where(predicted > 0, hits / np.maximum(predicted, 1), np.nan)
    return Choice(precision, hits / max(there, 1), 2 * hits / np.maximum(predicted + there, 1))


def thresholds(choices: Sequence[Choice], cuts: Sequence[float], names: Sequence[str], title: str) -> Figure:
    """Return precision, recall and F1 of each label over the threshold, with the one in use and the one of the best F1.

    Args:
        choices: Of each label.
        cuts: Threshold in use of each label.
        names: Of the labels.
        title: What is shown, and when.
    """
    figure, plots = grid(title, len(names))
    for plot, each, cut, name in zip(plots, choices, cuts, names, strict=True):
        label(plot, "threshold", "")
        plot.set(xlim=(0, 1), ylim=(-0.03, 1.03))
        for values, colour, what in zip((each.precision, each.recall, each.f1), COLOURS, KINDS, strict=False):
            plot.plot(THRESHOLDS, values, color=colour, linewidth=2.2 if what == "F1" else 1.3, label=what)
        best = THRESHOLDS[each.best]
        plot.axvline(cut, color=GREY, linestyle=":", linewidth=1.5, label="in use")
        plot.axvline(best, color="black", linestyle="--", linewidth=1, label="best F1")
        plot.set_title(f"{shorten(name, 20)}: best F1 {each.f1[each.best]:.3f} at {best:.2f}", fontsize=9)
    legend_of_grid(figure)
    return figure


KINDS = ("precision", "recall", "F1")
