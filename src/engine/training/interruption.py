"""Turns signals into an orderly end."""

import signal
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from engine.errors import Interrupted
from engine.training import resume as position
from engine.training.best_and_last import BestAndLast


class Interruption(Callback):
    """Ends a run when a signal asks for it, after the step that it is at; the last checkpoint holds that step.

    The last of the callbacks, so that all have seen the step that is saved.
    """

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self.signal = 0
        self._handlers: dict[int, Any] = {}

    def listen(self) -> None:
        """From here on a signal waits for the step."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._on_signal)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop if a signal asked for it; what follows a step that is not followed by another has its own moment."""
        if self.signal and (position.between_steps(trainer) or not position.known(trainer)):
            self._stop(trainer)

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop if a signal asked for it; the validation will begin anew."""
        if self.signal:
            self._stop(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop if a signal asked for it."""
        if self.signal:
            self._stop(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop listening."""
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Stop listening."""
        self._restore()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signal:  # the second time is meant: do not wait for the batch
            raise Interrupted(number)
        self.signal = number

    def _stop(self, trainer: Trainer) -> None:
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, BestAndLast) and position.known(trainer):
                callback.save_last(trainer)
        raise Interrupted(self.signal)

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
