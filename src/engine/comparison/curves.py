"""Curves of runs: logged numbers over epochs, and their mean and range over seeds."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.comparison.facts import main_metrics
from engine.errors import UsageError, nearest
from engine.logs.metric_names import WORDS, stage, words

Array = NDArray[np.float64]
Curve = tuple[Array, Array]  # epochs trained, which are fractions inside of one, and finite values
AGAINST = " against "  # between the numbers of a path
NORMS = ("train/gradient_norm", "train/weight_norm")


@dataclass(frozen=True)
class Band:
    """Mean and range over seeds, each where a curve has a value."""

    epochs: Array
    mean: Array
    low: Array
    high: Array
    n: NDArray[np.int64]


def read(folder: Path) -> dict[str, Curve]:
    """Return the curves in metrics.csv by name; a number of a single step lies inside its epoch."""
    try:
        with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
            names, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        return {}
    if "step" not in names:
        return {}
    rows = [row for row in rows if len(row) == len(names)]  # a full disk may cut the last
    columns = dict(
        zip(names, np.array([list(map(_number, row)) for row in rows]).reshape(-1, len(names)).T, strict=True)
    )
    steps, epochs = columns.pop("step") + 1, columns.pop("epoch", np.full(len(rows), np.nan)) + 1
    ends = np.isfinite(epochs)
    if ends.any():  # else epochs are not known, and steps stand in their place
        steps = np.interp(steps, np.r_[0, steps[ends]], np.r_[0, epochs[ends]])
    found = {name: np.isfinite(values) for name, values in columns.items() if stage(name) != "test"}
    return {name: (steps[there], columns[name][there]) for name, there in found.items() if there.any()}


def band(curves: Sequence[Curve]) -> Band:
    """Return mean, least and greatest of some curves at every place where one of them has a value."""
    places = np.unique(np.concatenate([x for x, _ in curves]).round(6))
    values = np.full((len(curves), len(places)), np.nan)
    for row, (x, y) in zip(values, curves, strict=True):
        row[np.searchsorted(places, x.round(6))] = y
    n = np.isfinite(values).sum(0)
    return Band(places, np.nanmean(values, 0), np.nanmin(values, 0), np.nanmax(values, 0), n)


def usual(names: Iterable[str]) -> list[str]:
    """Return the logged numbers whose curves are drawn where none are named."""
    there = list(dict.fromkeys(names))
    losses = [name for name in there if stage(name) == "train" and {"loss"} == set(words(name)) - WORDS["train"]]
    metrics = [name for name in main_metrics(there) if stage(name) == "val" and not name.endswith(("_ratio", "_step"))]
    rates = [name for name in there if name.startswith(("learning_rate", "lr-"))]
    return [*losses, *metrics, *rates, *(name for name in NORMS if name in there)]


def resolve(asked: str, names: Iterable[str]) -> str:
    """Return the logged number that is asked for by its name or the last part of it, or two: "loss against x".

    Raises:
        UsageError: If there is none, naming the nearest, or several.
    """
    there = sorted(set(names))
    if AGAINST in asked:
        return AGAINST.join(resolve(part, there) for part in asked.split(AGAINST, 1))
    found = [name for name in there if name == asked] or [name for name in there if name.rpartition("/")[2] == asked]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{asked} is the end of several names: {', '.join(found)}")
    raise UsageError(f"no run has logged {asked}{nearest(asked, there)}")


def find(logged: dict[str, Curve], name: str) -> Curve | None:
    """Return the curve of a logged number, or the path of one against another, in the order of the steps."""
    y, _, x = name.partition(AGAINST)
    if not x or not {x, y} <= logged.keys():
        return logged.get(name)
    if np.array_equal(logged[y][0], logged[x][0]):  # places may stand twice: after the last epoch there is no other
        return logged[x][1], logged[y][1]
    _, rows, columns = np.intersect1d(logged[y][0], logged[x][0], return_indices=True)
    return logged[x][1][columns], logged[y][1][rows]


def file_name(name: str) -> str:
    """Return a name that a file can have: train/loss is train_loss."""
    return re.sub(r"[^\w.-]+", "_", name)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
