"""The history of a run's metrics, from its metrics.csv."""

import csv
from dataclasses import dataclass, field

import numpy as np
from lightning.pytorch import Trainer

from engine.logs.metrics_file import MetricsFile


@dataclass
class Curve:
    """A metric over the training.

    Args:
        epochs: Epochs trained when each value was logged: 1 at the end of the first epoch.
        values: The values.
    """

    epochs: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def history(trainer: Trainer, flush: bool = False) -> dict[str, Curve]:
    """Return every logged metric by name; nothing if the run writes no metrics.csv.

    Args:
        trainer: Of the run.
        flush: Write what is pending first, at the end of an epoch; else the newest rows may be missing.
    """
    found: dict[str, Curve] = {}
    for logger in [logger for logger in trainer.loggers if isinstance(logger, MetricsFile)][:1]:
        if flush:
            logger.flush()
        if logger.path.is_file():
            with logger.path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if (row.get("step") or "").isdigit()]
            _add(found, rows)
    return found


def _add(found: dict[str, Curve], rows: list[dict[str, str]]) -> None:
    last = {int(row["epoch"]): int(row["step"]) for row in rows if row.get("epoch")}  # steps at which epochs ended
    steps, epochs = [0, *(step + 1 for step in last.values())], [0, *(epoch + 1 for epoch in last)]
    places = np.interp([int(row["step"]) + 1 for row in rows], steps, epochs).tolist()
    for place, row in zip(places, rows, strict=True):
        for name, text in row.items():
            if name not in ("epoch", "step") and text:
                curve = found.setdefault(name, Curve())
                curve.epochs.append(place)
                curve.values.append(float(text))
