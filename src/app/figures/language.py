"""What a language network writes."""

from torch import Tensor

from app.tasks import NextCharacter
from engine.dashboard.observe import undisturbed
from engine.dashboard.panel import Board, Panel


class Continuation(Panel):
    """How the network goes on from the first window that is evaluated, as a text.

    Args:
        every_n_epochs: How often; by default three times in a run.
    """

    def __init__(self, every_n_epochs: int | None = None) -> None:
        """Keep no window yet."""
        super().__init__(every_n_epochs, draws=3)
        self._window: Tensor | None = None

    def suits(self, board: Board) -> bool:
        """Say whether the task writes."""
        return isinstance(board.task, NextCharacter)

    def update(self, board: Board, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the first window."""
        if self._window is None:
            self._window = inputs[:1]

    def draw(self, board: Board) -> None:
        """Write on from it."""
        window, self._window = self._window, None
        if window is not None and isinstance(board.task, NextCharacter):
            with undisturbed(board.task):
                columns = board.task.columns(window, None, None)
            board.text(f"{board.stage}/continuation", f"`{columns['prompt'][0]!r}`\n\n`{columns['continuation'][0]!r}`")
