"""How well numbers are predicted."""

import torch
from torch import Tensor

from app.figures.plots.regression import curve, residuals, scatter
from app.tasks import Regression
from engine.dashboard.observe import Gathered, undisturbed
from engine.dashboard.panel import Board, Panel


class Fit(Panel):
    """Predictions against the truth: a curve over the one input, else a scatter; and the residuals as a histogram.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def __init__(self, every_n_epochs: int | None = None) -> None:
        """Gather nothing yet."""
        super().__init__(every_n_epochs, draws=2)
        self._samples = Gathered()

    def suits(self, board: Board) -> bool:
        """Say whether the task predicts numbers."""
        return isinstance(board.task, Regression)

    def update(self, board: Board, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the samples."""
        self._samples.add(inputs.flatten(1), targets[:, 0], predictions[:, 0])

    def draw(self, board: Board) -> None:
        """Draw both figures."""
        columns = self._samples.take()
        if not columns:
            return
        inputs, targets, predictions = columns
        name = board.label(getattr(board.data, "target_name", "y"))
        if inputs.shape[1] == 1:
            x = torch.linspace(inputs.min().item(), inputs.max().item(), 400).unsqueeze(1)
            with undisturbed(board.task):
                y = board.task(x.to(board.task.device))[:, 0].float().cpu()
            truth = board.data.truth(x) if hasattr(board.data, "truth") else None
            line = (x[:, 0].numpy(), y.numpy())
            known = None if truth is None else truth[:, 0].numpy()
            names = (board.label((board.features or ["x"])[0]), name)
            figure = curve(inputs[:, 0].numpy(), targets.numpy(), line, known, names, board.title("Fit"))
        else:
            figure = scatter(targets.numpy(), predictions.numpy(), name, board.title("Predicted against actual"))
        board.figure("fit", figure)
        board.figure("residuals", residuals(targets.numpy(), predictions.numpy(), name, board.title("Residuals")))
