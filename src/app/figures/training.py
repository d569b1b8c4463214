"""How the training went."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from app.figures.plots.training import curves, split_and_metric
from engine.dashboard import Panel, history


class TrainingCurves(Panel):
    """Loss, validation metrics and learning rate over the epochs, as `figures/curves.png`.

    Args:
        every_seconds: How often it draws; at the end of the training always.
    """

    def __init__(self, every_seconds: float = 60.0) -> None:
        super().__init__()
        self.every_seconds = every_seconds
        self._drawn = time.monotonic()

    def suits(self) -> bool:
        """Return whether this is a training."""
        return self.stage == "train"

    def due(self) -> bool:
        """Return whether the last figure is old."""
        return time.monotonic() - self._drawn > self.every_seconds

    def draw(self) -> None:
        """Draw from what is written of metrics.csv."""
        self._draw(flush=False)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw all epochs."""
        self._draw(flush=True)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, *error: Any) -> None:
        """Draw what there is, of a training that diverged or was interrupted."""
        self._draw(flush=False)

    def _draw(self, flush: bool) -> None:
        found = history(self.trainer, flush) if self.shown else {}
        if any(split and metric == "loss" for split, metric in map(split_and_metric, found)):
            lines = {name: (curve.epochs, curve.values) for name, curve in found.items()}
            self.keep("curves", curves(lines, "Training"))
            self._drawn = time.monotonic()
