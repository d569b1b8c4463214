"""How well numbers are predicted."""

import torch
from torch import Tensor

from app.figures.plots.regression import curve, residuals, scatter
from app.tasks import Regression
from engine.dashboard import SamplePanel, evaluating


class Fit(SamplePanel):
    """Predictions against the truth: a curve over the one input, else a scatter; and the residuals as a histogram.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def suits(self) -> bool:
        """Return whether the task predicts numbers."""
        return isinstance(self.task, Regression)

    def columns(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> tuple[Tensor, ...]:
        """Keep inputs, target and prediction."""
        return inputs.flatten(1), targets[:, 0], predictions[:, 0]

    def plot(self, *columns: Tensor) -> None:
        """Draw both figures."""
        inputs, targets, predictions = columns
        name = self.label(self.target_name)
        actual, predicted = targets.numpy(), predictions.numpy()
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
