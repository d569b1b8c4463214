"""Signals: SIGINT and SIGTERM end a run after its step, and save it."""

import signal
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging

from engine.errors import Interrupted
from engine.training.best_and_last import best_and_last
from engine.training.callbacks import of
from engine.training.state import between_steps, can_save, finish_step


class Interruption(Callback):
    """Ends a run when a signal asks for it, after the current step; last.ckpt then holds that step.

    It comes after the other callbacks, so that all have seen the step that is saved.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._handlers: dict[int, Any] = {}

    def listen(self) -> None:
        """Handle signals from here on."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._on_signal)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop if a signal asked for it; before a validation or the end of an epoch, the hooks below stop the run."""
        if self.signal and (between_steps(trainer) or not can_save(trainer)):
            finish_step(trainer, *args[1:])
            self._stop(trainer)

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop if a signal asked for it; the validation will begin anew.

        Weights that are swapped for their average while it lasts would be saved as they are: it is completed first.
        """
        if self.signal and not self._swaps(trainer):
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop after a validation that was completed."""
        if self.signal and self._swaps(trainer):
            self._stop(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop if a signal asked for it."""
        if self.signal:
            self._stop(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the signals back, once the last checkpoint is written."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the signals back."""
        self.teardown(trainer, pl_module, "fit")

    @staticmethod
    def _swaps(trainer: Trainer) -> bool:
        return any(isinstance(callback, WeightAveraging) for callback in of(trainer))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signal:  # the second time is meant: do not wait for the batch
            raise Interrupted(number)
        self.signal = number

    def _stop(self, trainer: Trainer) -> None:
        checkpoints = best_and_last(trainer)
        if checkpoints is not None and can_save(trainer):
            checkpoints.save_last(trainer)
        raise Interrupted(self.signal)
