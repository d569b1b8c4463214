"""Draws how the time of training grows with samples, batch size and width: docs/growth.svg, and the numbers as a table.

    .venv/bin/python scripts/proofs/references/growth.py [--out docs/growth.svg]

Each point is the fastest of three epochs of a multilayer perceptron on random numbers, with Adam, on as many threads as
`fit` would take. Run nothing beside it.
"""

# mypy: disable-error-code="import-untyped,misc"
import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from matplotlib.figure import Figure

from app.data.product import Product
from app.networks import MLP
from app.tasks import Regression
from engine.patches import cheap_checks
from engine.process import fit_threads, prepare
from engine.training.loop import FastLoop

SAMPLES = [10**power for power in range(3, 8)]
BATCHES = [4**power for power in range(7)]
WIDTHS = [8 * 4**power for power in range(5)]
THREADS = torch.get_num_threads()


class Clock(FastLoop):
    """Notes when each epoch begins."""

    def __init__(self) -> None:
        """Start without times."""
        self.times: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())


def epoch(samples: int, batch_size: int, width: int) -> float:
    """Return the seconds of an epoch."""
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    task = Regression(MLP(2, [width, width]), partial(torch.optim.Adam, lr=1e-3))
    fit_threads(task, batch_size)
    clock, off = Clock(), {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    settings: dict[str, Any] = {**off, "enable_progress_bar": False, "limit_val_batches": 0, "accelerator": "cpu"}
    data = Product(train_size=samples, batch_size=batch_size)
    Trainer(max_epochs=3, callbacks=[clock], **settings).fit(task, datamodule=data)
    return min(after - before for before, after in zip(clock.times, clock.times[1:], strict=False))


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[3] / "docs" / "growth.svg")
    options = parser.parse_args()
    prepare()
    cheap_checks()
    curves = {
        "samples (batch 1,000, width 16)": {size: epoch(size, 1000, 16) for size in SAMPLES},
        "batch size (10,000 samples, width 16)": {size: epoch(10_000, size, 16) for size in BATCHES},
        "width of two hidden layers (10,000 samples, batch 100)": {size: epoch(10_000, 100, size) for size in WIDTHS},
    }
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    for axes, (title, curve) in zip(figure.subplots(1, 3, sharey=True), curves.items(), strict=True):
        print(title, *(f"{size:,}: {seconds:.3g} s" for size, seconds in curve.items()), sep="\n  ")
        axes.loglog(list(curve), list(curve.values()), "o-", color="#0072B2")
        axes.set_xlabel(title, fontsize=8)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("time of an epoch [s]")
    figure.suptitle("How the time of an epoch grows", fontsize=10)
    figure.savefig(options.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
