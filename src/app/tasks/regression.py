"""Regression: predict numbers in their original units."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset
from torchmetrics import MeanAbsoluteError, MetricCollection, R2Score

from app.networks import Standardizer
from engine import Columns, SupervisedTask, batches


class Regression(SupervisedTask):
    """Maps raw inputs (B, features) to raw targets (B, 1); the loss is the mean squared error of standardized targets.

    Args:
        network: Maps (B, features) to (B, 1), both standardized.
        optimizer: Class of torch.optim with its arguments.
        lr_scheduler: Class of torch.optim.lr_scheduler with its arguments.
        l1: Weight of the sum of absolute weights of the network in the loss that is minimized.
        compile: Compile the network with torch.compile.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        lr_scheduler: LRSchedulerCallable | None = None,
        l1: float = 0.0,
        compile: bool = False,
    ) -> None:
        """Store the parts."""
        metrics = MetricCollection({"mae": MeanAbsoluteError(), "r2": R2Score()})
        super().__init__(network, optimizer, lr_scheduler, metrics, l1, compile)
        self.inputs = Standardizer()
        self.targets = Standardizer()

    def fit_statistics(self, dataset: Dataset[Any]) -> None:
        """Standardize inputs and targets by the training split."""
        for column, standardizer in enumerate((self.inputs, self.targets)):
            if not standardizer.fitted:
                standardizer.fit(batch[column] for batch in batches(dataset))

    def outputs(self, inputs: Tensor) -> Tensor:
        """Map raw inputs (B, features) to standardized predictions (B, 1)."""
        outputs: Tensor = self.network(self.inputs(inputs))
        return outputs

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error in units of the targets' variance."""
        if targets.shape[1:] != (1,):
            raise ValueError(f"regression predicts one number, targets (B, 1): {tuple(targets.shape)}")
        if outputs.shape != targets.shape:  # mse_loss would broadcast (B, 1) against (B,) and only warn
            raise ValueError(f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}")
        return functional.mse_loss(outputs, self.targets(targets))

    def constant_loss(self, targets: Tensor) -> float:
        """Return the variance of the standardized targets, that is the loss of always predicting their mean."""
        return float(self.targets(targets).var(unbiased=False))

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return standardized outputs to the targets' units, (B, 1)."""
        return self.targets.inverse(outputs)

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return each input by name, actual, predicted and the absolute error, all in original units."""
        names = getattr(self.data, "feature_names", None) or self._numbered(inputs.shape[1])
        columns: Columns = dict(zip(names, inputs.unbind(1), strict=True))
        predicted = self(inputs)[:, 0]
        if targets is None:
            return columns | {"predicted": predicted}
        actual = targets[:, 0]
        return columns | {"actual": actual, "predicted": predicted, "error": (predicted - actual).abs()}

    @staticmethod
    def _numbered(count: int) -> list[str]:
        return [f"x{number}" for number in range(1, count + 1)]
