"""Predictions of a run sample by sample, where its predictions.csv belongs to its test."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.comparison.facts import Facts, finite

ACCURACY, ERROR = "test/accuracy", "test/mae"


@dataclass(frozen=True)
class Predictions:
    """One number for each test sample, whose mean is a metric of the test."""

    metric: str
    values: NDArray[Any]  # whether the class is right, or the absolute error
    known: list[tuple[str, ...]]  # what is known of each sample without the network: inputs or file, and label


def read(facts: Facts) -> Predictions | None:
    """Return what predictions.csv says, None if there is none of the checkpoint and the samples that were tested."""
    predicted = facts.record.get("predict") or {}
    if predicted.get("epoch") != facts.tested.get("epoch") or predicted.get("changed"):
        return None
    try:
        found = _read(facts.run.folder / "predictions.csv")
    except (OSError, ValueError, csv.Error):
        return None
    score = (facts.scores or {}).get(found.metric) if found else None
    # Other samples, those of --input say, have another score.
    same = found is not None and finite(score) and math.isclose(float(found.values.mean()), score or 0, rel_tol=2e-5)
    return found if same else None


def _read(path: Path) -> Predictions | None:
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    if not rows:
        return None
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    own = ("predicted", "error")
    known = [values for name, values in columns.items() if name not in own and not name.startswith("p_")]
    samples = list(zip(*known, strict=True))
    if {"label", "predicted"} <= columns.keys():
        right = np.array([a == b for a, b in zip(columns["label"], columns["predicted"], strict=True)])
        return Predictions(ACCURACY, right, samples)
    if {"actual", "error"} <= columns.keys():
        return Predictions(ERROR, np.array(columns["error"], float), samples)
    return None
