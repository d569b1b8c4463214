"""Progress of training: a bar on a terminal, lines with metrics elsewhere."""

import math
import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.trainer.states import TrainerFn
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor

from engine import console
from engine.errors import check_range

LINES = 50  # about so many lines, whatever the number of epochs
PAUSE = 60.0  # seconds without a line at most, or a tenth of the time so far if that is more
ENDLESS_PAUSE = 5.0  # the same where an epoch has no length: there may never be a line of an epoch


class Progress(ProgressBar):
    """One bar over the whole training; where output is a file or a pipe, lines with the metrics of an epoch.

    Within an epoch, a line follows each validation, and each minute of the first ten; later ones are ever rarer. An
    epoch without a length has a line each five seconds of the first fifty.

    Args:
        refresh_per_second: How often the bar is drawn anew; it has no thread of its own, which would slow training.
        every_n_epochs: How often a line is printed where there is no bar, the last epoch always; by default each epoch
            of a short run and about 50 of a long one, those with a validation first.
    """

    def __init__(self, refresh_per_second: float = 5.0, every_n_epochs: int | None = None) -> None:
        super().__init__()
        check_range("refresh_per_second", refresh_per_second, 0.001)
        check_range("every_n_epochs", 1 if every_n_epochs is None else every_n_epochs, 1)
        self.interval = 1 / refresh_per_second
        self.every_n_epochs = every_n_epochs
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._enabled = True
        self._start = self._due = 0.0  # when the bar is drawn or a line is printed next
        self._pause = PAUSE
        self._epoch = self._batch = -1  # of the last line
        self._old: dict[str, Tensor] | None = None  # metrics as they were when the epoch began

    def disable(self) -> None:
        """Show nothing; Lightning calls this on all but the first process."""
        self._enabled = False

    def enable(self) -> None:
        """Show again."""
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        self._epoch, self._batch, self._old = trainer.current_epoch - 1, 0, None
        self._start, self._due = time.monotonic(), 0.0
        self._pause = PAUSE if math.isfinite(float(trainer.num_training_batches)) else ENDLESS_PAUSE
        if self._enabled and sys.stdout.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, auto_refresh=False, console=console.terminal())
            self._bar.start()
            self._task = self._bar.add_task("train", total=_batches(trainer))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar a few times a second; print a line if there was none for long."""
        if time.monotonic() < self._due:
            return
        if self._old is None:  # an epoch that is resumed: the metrics of earlier ones are put back by now
            self._old = dict(trainer.callback_metrics)
        if self._bar is not None:
            self._draw(trainer, trainer.current_epoch)
        elif self._due and not trainer.is_last_batch:  # whose epoch has a line of its own
            self._print(trainer)
        else:
            self._wait()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the metrics of a validation within an epoch; those of others wait for the training loss."""
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if not fitting or trainer.is_last_batch or self._bar is not None:
            return
        total = _batches(trainer)
        if total is None or trainer.fit_loop.total_batch_idx - self._batch >= total / LINES:
            self._print(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line of the epoch before: only now is all that it logged there."""
        epoch = trainer.current_epoch - 1
        if epoch > self._epoch and self._is_due(trainer, epoch):
            self._print(trainer, epoch)
        self._old = dict(trainer.callback_metrics)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Complete the bar, and print the line of the last epoch."""
        epoch = trainer.current_epoch - 1
        if self._bar is not None:
            self._draw(trainer, epoch)
        elif epoch > self._epoch:
            self._print(trainer, epoch)
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self._stop()

    def _is_due(self, trainer: Trainer, epoch: int) -> bool:
        """Return whether an epoch has a line: every n-th, validated ones first, and the first after a long time."""
        if self.every_n_epochs is not None:
            return (epoch + 1) % self.every_n_epochs == 0
        total = _batches(trainer)
        batches = float(trainer.num_training_batches)
        if math.isinf(batches):  # an epoch of unknown length is taken to be as long as those before
            batches = max(1.0, (trainer.fit_loop.total_batch_idx + 1) / (epoch + 1))
        epochs = total / batches if total else epoch + 1
        every = math.ceil(epochs / LINES)
        validations = trainer.check_val_every_n_epoch or 1
        if validations <= every:  # a multiple, so that each line is of a validated epoch
            parts, period = 1, math.ceil(every / validations) * validations
        else:  # several lines from one validation to the next
            parts, period = validations // every, validations
        counted = (epoch + 1) * parts // period > epoch * parts // period
        return counted or time.monotonic() >= self._due

    def _print(self, trainer: Trainer, epoch: int | None = None) -> None:
        """Print what was measured in an epoch that has ended, or up to a step of the current one."""
        self._batch = trainer.fit_loop.total_batch_idx
        title = f"epoch {trainer.current_epoch}, step {trainer.global_step}"
        if epoch is not None:
            self._epoch, title = epoch, f"epoch {epoch}"
        if self._enabled and self._bar is None:
            # The metrics of earlier epochs are still there, the same objects.
            old = self._old or {}
            metrics = {name: value for name, value in trainer.callback_metrics.items() if value is not old.get(name)}
            console.say(_line(title, metrics))
        self._wait()

    def _draw(self, trainer: Trainer, epoch: int) -> None:
        if self._bar is not None:
            losses = {name: value for name, value in trainer.callback_metrics.items() if name.endswith("/loss")}
            done, text = trainer.fit_loop.total_batch_idx + 1, _line(f"epoch {epoch}", losses)
            self._bar.update(self._task, completed=done, description=text, refresh=True)
            self._wait()

    def _wait(self) -> None:
        now = time.monotonic()
        self._due = now + (self.interval if self._bar is not None else max(self._pause, (now - self._start) / 10))

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _line(title: str, metrics: dict[str, Tensor]) -> str:
    return "  ".join([title, *(f"{name} {metrics[name].item():.4g}" for name in sorted(metrics, key=console.order))])


def _batches(trainer: Trainer) -> int | None:
    """Return the number of batches of the whole training, None if it has no end that is known."""
    epochs, batches = trainer.max_epochs or -1, float(trainer.num_training_batches)
    by_epochs = epochs * batches if epochs > 0 else math.inf
    by_steps = trainer.max_steps * trainer.accumulate_grad_batches if trainer.max_steps > 0 else math.inf
    total = min(by_epochs, by_steps)
    return int(total) if total < math.inf else None
