"""How well numbers are predicted."""

from typing import Any

import torch
from torch import Tensor

from app.figures.plots.regression import all_residuals, curve, residuals, scatter, scatters
from app.tasks import Regression
from engine.dashboard import SamplePanel, evaluating

TARGETS = 9  # that are drawn; of more, the first


class Fit(SamplePanel):
    """Predictions against the truth: a curve over the one input, else a scatter; and the residuals as a histogram.

    Of several targets each has its own scatter and histogram.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def suits(self) -> bool:
        """Return whether the task predicts numbers."""
        return isinstance(self.task, Regression)

    def columns(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> tuple[Tensor, ...]:
        """Keep inputs, target and prediction."""
        inputs = inputs.flatten(1) if is_numeric(self.data) else inputs[:, :0]  # rows with gaps would be left out
        return inputs, targets[:, :TARGETS], predictions[:, :TARGETS]

    def plot(self, *columns: Tensor) -> None:
        """Draw both figures."""
        inputs, targets, predictions = columns
        if targets.shape[1] > 1:
            self._plot_several(targets, predictions)
            return
        name = self.label(self.target_name)
        actual, predicted = targets[:, 0].numpy(), predictions[:, 0].numpy()
        if inputs.shape[1] == 1:
            x = torch.linspace(inputs.min().item(), inputs.max().item(), 400).unsqueeze(1)
            with evaluating(self.task):
                y = self.task(x.to(self.task.device))[:, 0].float().cpu()
            truth = self.data.truth(x)[:, 0].numpy() if hasattr(self.data, "truth") else None
            names = (self.label((self.feature_names or ["x"])[0]), name)
            line = (x[:, 0].numpy(), y.numpy())
            figure = curve(inputs[:, 0].numpy(), actual, line, truth, names, self.title("Fit"))
        else:
            figure = scatter(actual, predicted, name, self.title("Predicted against actual"))
        self.figure("fit", figure)
        self.figure("residuals", residuals(actual, predicted, name, self.title("Residuals")))

    def _plot_several(self, targets: Tensor, predictions: Tensor) -> None:
        known = self.target_names[:TARGETS]
        names = known if len(known) == targets.shape[1] else [str(number) for number in range(targets.shape[1])]
        names, actual, predicted = [self.label(name) for name in names], targets.numpy(), predictions.numpy()
        self.figure("fit", scatters(actual, predicted, names, self.title("Predicted against actual")))
        self.figure("residuals", all_residuals(actual, predicted, names, self.title("Residuals, mean ± deviation")))


def is_numeric(data: Any) -> bool:
    """Return whether the inputs are numbers that one may draw an axis of: no categories, no gaps."""
    return not getattr(data, "categories", None) and getattr(data, "impute", "none") == "none"
