"""What a language network writes."""

from torch import Tensor

from app.tasks import NextCharacter
from engine.dashboard import Panel, evaluating


class Continuation(Panel):
    """How the network continues the first window that is evaluated, as a text.

    Args:
        every_n_epochs: How often; by default three times in a run.
    """

    draws = 3

    def __init__(self, every_n_epochs: int | None = None) -> None:
        super().__init__(every_n_epochs)
        self._window: Tensor | None = None

    def suits(self) -> bool:
        """Return whether the task writes."""
        return isinstance(self.task, NextCharacter)

    def update(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the first window."""
        if self._window is None:
            self._window = inputs[:1]

    def draw(self) -> None:
        """Continue it."""
        window, self._window = self._window, None
        if window is not None and isinstance(self.task, NextCharacter):
            with evaluating(self.task):
                columns = self.task.columns(window, None, None)
            self.text(f"{self.stage}/continuation", f"`{columns['prompt'][0]!r}`\n\n`{columns['continuation'][0]!r}`")
