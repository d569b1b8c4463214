"""Panels of batches: one draws from all samples of an evaluation, one shows the first training batch."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from engine.dashboard.observe import SampleBuffer
from engine.dashboard.panel import Panel, is_pair


class SamplePanel(Panel):
    """Draws from the samples of an evaluation; a subclass says which columns to keep and how to plot them."""

    draws = 2

    def __init__(self, every_n_epochs: int | None = None) -> None:
        super().__init__(every_n_epochs)
        self._samples = SampleBuffer()

    def columns(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> tuple[Tensor, ...]:
        """Return what to keep of a batch, each tensor with one row a sample."""
        return inputs, targets, predictions

    def plot(self, *columns: Tensor) -> None:
        """Draw from the columns of all samples."""
        raise NotImplementedError

    def update(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the columns of a batch."""
        self._samples.add(*self.columns(inputs, targets, predictions))

    def draw(self) -> None:
        """Plot all samples; none may be finite when a training diverges."""
        if columns := self._samples.take():
            self.plot(*columns)


class FirstBatchPanel(Panel):
    """Shows something of the first training batch, as the network gets it; a resumed run has shown it before."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = False

    def first_batch(self, inputs: Tensor, targets: Tensor) -> None:
        """Show the batch."""
        raise NotImplementedError

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait for the batch."""
        super().on_train_start(trainer, pl_module)
        self._waiting = self.shown and trainer.global_step == 0
        if not self._waiting:
            self.leave(trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Show the batch if it is the first."""
        if self._waiting:
            self._waiting = False
            self.leave(trainer)
            if is_pair(batch):
                self.first_batch(batch[0], batch[1])
