"""Regression: predict numbers in their original units."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MetricCollection, R2Score

from app.networks import Standardizer
from app.tasks.inputs import fit_inputs
from engine import Columns, SupervisedTask
from engine.data import batches, named


class Regression(SupervisedTask):
    """Maps raw inputs (B, features) to raw targets (B, targets); the network sees and gives standardized numbers.

    Of several targets the metrics are means over the targets; the test has those of each as well.

    Args:
        loss: Maps standardized predictions and targets (B, targets) to a scalar, as torch.nn.HuberLoss does; by default
            the mean squared error.
    """

    def __init__(self, *args: Any, loss: nn.Module | None = None, **kwargs: Any) -> None:
        metrics = MetricCollection({"mae": MeanAbsoluteError(), "r2": R2Score()})
        super().__init__(*args, metrics=metrics, **kwargs)
        self.criterion = loss or nn.MSELoss()
        self.inputs = Standardizer()
        self.targets = Standardizer()
        self.of_each: MetricCollection | None = None  # while several targets are tested

    def fit_statistics(self, data: Any) -> None:
        """Standardize inputs and targets by the training split."""
        fit_inputs(self, self.inputs, data)
        if not self.targets.fitted:
            self.targets.fit(batch[1] for batch in batches(data))

    def outputs(self, inputs: Tensor) -> Tensor:
        """Map raw inputs (B, features) to standardized predictions (B, targets)."""
        return super().outputs(self.inputs(inputs))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of standardized outputs for raw targets; squared errors are in units of their variance."""
        if targets.ndim != 2:
            raise ValueError(f"regression predicts numbers, targets (B, targets): {tuple(targets.shape)}")
        if outputs.shape != targets.shape:  # mse_loss would broadcast (B, 1) against (B,) and only warn
            raise ValueError(f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}")
        loss: Tensor = self.criterion(outputs, self.targets(targets))
        return loss

    def constant_loss(self, targets: Tensor) -> float | None:
        """Return the variance of the standardized targets, the squared error of always predicting their mean."""
        plain = isinstance(self.criterion, nn.MSELoss)
        return float(self.targets(targets).var(0, unbiased=False).mean()) if plain else None

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return standardized outputs to the targets' units, (B, targets)."""
        return self.targets.inverse(outputs)

    def outputs_of(self, exported: Tensor) -> Tensor:
        """Standardize exported predictions again."""
        outputs: Tensor = self.targets(exported)
        return outputs

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return each input by name, actual, predicted and the absolute error, all in original units.

        Of several targets each has its own three columns: actual_NAME, predicted_NAME and error_NAME.
        """
        columns: Columns = dict(named(self.data, inputs))
        predictions = self(inputs)
        names = self.target_names(predictions.shape[1])
        for place, ending in enumerate([f"_{name}" for name in names] if len(names) > 1 else [""]):
            predicted, actual = predictions[:, place], None if targets is None else targets[:, place]
            if actual is None:
                columns[f"predicted{ending}"] = predicted
            else:
                error = (predicted - actual).abs()
                columns |= {f"actual{ending}": actual, f"predicted{ending}": predicted, f"error{ending}": error}
        return columns

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Log loss and metrics of a batch of the test split, and add it to the metrics of each target."""
        predictions = super().test_step(batch, batch_idx)
        if (size := predictions.shape[1]) > 1:
            if self.of_each is None:
                mae, r2 = MeanAbsoluteError(size), R2Score(multioutput="raw_values")
                self.of_each = MetricCollection({"mae": mae, "r2": r2}, compute_groups=False).to(self.device)
            self.of_each.update(predictions, batch[1])
        return predictions

    def on_test_epoch_end(self) -> None:
        """Log the metrics of each of several targets."""
        if self.of_each is not None:
            for metric, values in self.of_each.compute().items():
                found = zip(self.target_names(len(values)), values, strict=True)
                self.log_dict({f"test/{metric}_{name}": value for name, value in found}, sync_dist=True)
            self.of_each = None

    def target_names(self, size: int) -> Sequence[str]:
        """Return the names of the targets, as the data module has them, else their numbers."""
        names: Sequence[str] = getattr(self.data, "target_names", None) or ()
        return names if len(names) == size else [str(number) for number in range(size)]
