"""How far training is: a bar on a terminal, a line an epoch elsewhere."""

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from engine import console
from engine.errors import check_range


class Progress(ProgressBar):
    """One bar over the whole training; where output is a file or a pipe, one line an epoch with its metrics.

    Args:
        refresh_per_second: How often the bar is drawn anew; it has no thread of its own, which would slow training.
        every_n_epochs: How often a line is printed where there is no bar; the last epoch always is.
    """

    def __init__(self, refresh_per_second: float = 5.0, every_n_epochs: int = 1) -> None:
        """Start without a bar."""
        super().__init__()
        check_range("refresh_per_second", refresh_per_second, 0.001)
        check_range("every_n_epochs", every_n_epochs, 1)
        self.interval = 1 / refresh_per_second
        self.every_n_epochs = every_n_epochs
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._drawn = 0.0
        self._enabled = True
        self._validated = False
        self._printed = -1

    def disable(self) -> None:
        """Say nothing; Lightning calls this on all but the first process."""
        self._enabled = False

    def enable(self) -> None:
        """Speak again."""
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        self._printed = trainer.current_epoch - 1
        self._start("train", self._total(trainer))

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move the bar, a few times a second."""
        if self._bar is not None and time.monotonic() - self._drawn > self.interval:
            done = trainer.fit_loop.total_batch_idx + 1
            self._draw(done, f"epoch {trainer.current_epoch}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that validation metrics are fresh."""
        self._validated = not trainer.sanity_checking

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line of the epoch before: only now is all that it logged there."""
        epoch = trainer.current_epoch - 1
        if epoch > self._printed and epoch % self.every_n_epochs == 0:
            self._print_epoch(trainer, epoch)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Complete the bar."""
        if self._bar is not None:
            self._draw(self._total(trainer) or 0, f"epoch {trainer.current_epoch - 1}")
        if trainer.current_epoch - 1 > self._printed:
            self._print_epoch(trainer, trainer.current_epoch - 1)
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self._stop()

    def _print_epoch(self, trainer: Trainer, epoch: int) -> None:
        self._printed = epoch
        if self._enabled and self._bar is None:
            metrics = trainer.callback_metrics
            fresh = [name for name in metrics if self._validated or not name.startswith("val/")]
            values = [f"{name} {metrics[name].item():.4g}" for name in sorted(fresh, key=console.order)]
            console.say("  ".join([f"epoch {epoch}", *values]))
        self._validated = False

    def _start(self, description: str, total: int | None) -> None:
        if self._enabled and sys.stdout.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, auto_refresh=False, console=console.terminal())
            self._bar.start()
            self._task = self._bar.add_task(description, total=total)

    def _draw(self, done: int, description: str) -> None:
        if self._bar is not None:
            self._drawn = time.monotonic()
            metrics = "  ".join(f"{name} {float(value):.4g}" for name, value in self._metrics.items())
            self._bar.update(self._task, completed=done, description=f"{description}  {metrics}", refresh=True)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def _metrics(self) -> dict[str, Any]:
        return {name: value for name, value in self.trainer.callback_metrics.items() if name.endswith("/loss")}

    @staticmethod
    def _total(trainer: Trainer) -> int | None:
        epochs, batches = trainer.max_epochs or 0, float(trainer.num_training_batches)
        if trainer.max_steps > 0:
            return trainer.max_steps
        return int(epochs * batches) if epochs > 0 and batches != float("inf") else None
