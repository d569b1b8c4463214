"""Regression: predict numbers in their original units."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MetricCollection, R2Score

from app.networks import Standardizer
from engine import Columns, SupervisedTask
from engine.data import batches


class Regression(SupervisedTask):
    """Maps raw inputs (B, features) to raw targets (B, 1); the network sees and gives standardized numbers.

    Args:
        loss: Maps standardized predictions and targets (B, 1) to a scalar, as torch.nn.HuberLoss does; by default the
            mean squared error.
    """

    def __init__(self, *args: Any, loss: nn.Module | None = None, **kwargs: Any) -> None:
        metrics = MetricCollection({"mae": MeanAbsoluteError(), "r2": R2Score()})
        super().__init__(*args, metrics=metrics, **kwargs)
        self.criterion = loss or nn.MSELoss()
        self.inputs = Standardizer()
        self.targets = Standardizer()

    def fit_statistics(self, data: Any) -> None:
        """Standardize inputs and targets by the training split."""
        for column, standardizer in enumerate((self.inputs, self.targets)):
            if not standardizer.fitted:
                standardizer.fit(batch[column] for batch in batches(data))

    def outputs(self, inputs: Tensor) -> Tensor:
        """Map raw inputs (B, features) to standardized predictions (B, 1)."""
        return super().outputs(self.inputs(inputs))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of standardized outputs for raw targets; squared errors are in units of their variance."""
        if targets.shape[1:] != (1,):
            raise ValueError(f"regression predicts one number, targets (B, 1): {tuple(targets.shape)}")
        if outputs.shape != targets.shape:  # mse_loss would broadcast (B, 1) against (B,) and only warn
            raise ValueError(f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}")
        loss: Tensor = self.criterion(outputs, self.targets(targets))
        return loss

    def constant_loss(self, targets: Tensor) -> float | None:
        """Return the variance of the standardized targets, the squared error of always predicting their mean."""
        return float(self.targets(targets).var(unbiased=False)) if isinstance(self.criterion, nn.MSELoss) else None

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return standardized outputs to the targets' units, (B, 1)."""
        return self.targets.inverse(outputs)

    def outputs_of(self, exported: Tensor) -> Tensor:
        """Standardize exported predictions again."""
        outputs: Tensor = self.targets(exported)
        return outputs

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return each input by name, actual, predicted and the absolute error, all in original units."""
        names = getattr(self.data, "feature_names", None) or [f"x{n}" for n in range(1, inputs.shape[1] + 1)]
        columns: Columns = dict(zip(names, inputs.unbind(1), strict=True))
        predicted = self(inputs)[:, 0]
        if targets is None:
            return columns | {"predicted": predicted}
        actual = targets[:, 0]
        return columns | {"actual": actual, "predicted": predicted, "error": (predicted - actual).abs()}
