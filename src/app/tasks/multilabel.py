"""Multi-label classification: each label is there or not, and a sample may have several or none."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MetricCollection
from torchmetrics.classification import MultilabelAccuracy, MultilabelAveragePrecision, MultilabelF1Score
from torchmetrics.functional.classification import binary_average_precision
from torchmetrics.utilities import dim_zero_cat

from app.networks import Standardizer
from app.tasks.inputs import fit_inputs, places, scale
from engine import Columns, SupervisedTask, check_range


class MultiLabel(SupervisedTask):
    """Maps raw inputs (B, ...) to probabilities (B, labels); the loss is the mean binary cross-entropy in nats.

    Targets are 0 or 1 (B, labels). Metrics are means over the labels; the test has those of each as well.

    Args:
        labels: Names of the labels; by default those of the data.
        thresholds: Probability in [0, 1] from which a label is predicted: one for all labels, or one for each.
        positive_weights: Weight of the samples that have a label, one for each label, as pos_weight in
            torch.nn.BCEWithLogitsLoss; by default 1.
    """

    exports = "labels"
    cuts: Tensor

    def __init__(
        self,
        *args: Any,
        labels: Sequence[str] | None = None,
        thresholds: float | Sequence[float] = 0.5,
        positive_weights: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        if not labels:
            raise ValueError("labels are none: the data has to name them, as a table does with --data.kind multilabel")
        cuts = list(thresholds) if isinstance(thresholds, Sequence) else [thresholds] * len(labels)
        for name, values in {"thresholds": cuts, "positive_weights": positive_weights}.items():
            if values is not None and len(values) != len(labels):
                raise ValueError(f"{name} must be one for each of {len(labels)} labels: {values}")
        for cut in cuts:
            check_range("thresholds", cut, 0, 1)
        super().__init__(*args, metrics=metrics(len(labels), cuts, "macro"), **kwargs)
        self.labels = list(labels)
        self.inputs = Standardizer()
        self.register_buffer("cuts", torch.tensor(cuts), persistent=False)
        weights = None if positive_weights is None else torch.tensor(positive_weights)
        self.criterion = nn.BCEWithLogitsLoss(pos_weight=weights)
        self.of_each = metrics(len(labels), cuts, "none")

    def fit_statistics(self, data: Any) -> None:
        """Standardize inputs by the training split."""
        fit_inputs(self, self.inputs, data)

    def outputs(self, inputs: Tensor) -> Tensor:
        """Map raw inputs (B, ...) to logits (B, labels)."""
        return super().outputs(self.inputs(scale(inputs)))

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the probability of each label, (B, labels)."""
        return outputs.sigmoid()

    def outputs_of(self, exported: Tensor) -> Tensor:
        """Return finite logits of exported probabilities, of which a float may have rounded some to 0 or 1."""
        return exported.logit(eps=torch.finfo(exported.dtype).eps)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean binary cross-entropy in nats of logits for targets of 0 and 1, both (B, labels)."""
        if outputs.shape != targets.shape:
            raise ValueError(f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}")
        loss: Tensor = self.criterion(outputs, targets.to(outputs.dtype))
        return loss

    def constant_loss(self, targets: Tensor) -> float | None:
        """Return the mean entropy of the labels in nats, the loss of always predicting how often each occurs."""
        if self.criterion.pos_weight is not None:
            return None
        rates = targets.double().mean(0)
        return float(functional.binary_cross_entropy(rates, rates))

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return index, and of each label whether the sample has it, whether that is predicted, and the probability."""
        probabilities, columns = self(inputs), places(self, index)
        said = probabilities >= self.cuts
        for place, name in enumerate(self.labels):
            if targets is not None:
                columns[f"label_{name}"] = yes_no(targets[:, place] > 0)
            columns[f"predicted_{name}"] = yes_no(said[:, place])
            columns[f"p_{name}"] = probabilities[:, place]
        return columns

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Log loss and metrics of a batch of the test split, and add it to the metrics of each label."""
        predictions = super().test_step(batch, batch_idx)
        self.of_each.update(predictions, batch[1])
        return predictions

    def on_test_epoch_end(self) -> None:
        """Log the metrics of each label; of one that does not occur there is no average precision."""
        for metric, values in self.of_each.compute().items():
            named = zip(self.labels, values, strict=True)
            found = {f"test/{metric}_{name}": value for name, value in named if not value.isnan()}
            self.log_dict(found, sync_dist=True)  # equal in all processes, which Lightning cannot know
        self.of_each.reset()


def metrics(labels: int, cuts: Sequence[float], average: Literal["macro", "none"]) -> MetricCollection:
    """Return the metrics of probabilities (B, labels), as means over the labels ("macro") or of each ("none")."""
    return MetricCollection(
        {
            "accuracy": Accuracy(cuts, labels, average=average),
            "f1": F1(cuts, labels, average=average),
            "average_precision": AveragePrecision(labels, average=average),
        }
    )


class Accuracy(MultilabelAccuracy):
    """The fraction of samples in which a label is predicted rightly, with a threshold for each label."""

    def __init__(self, cuts: Sequence[float], labels: int, **kwargs: Any) -> None:
        super().__init__(labels, **kwargs)
        self.cuts = torch.tensor(cuts)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count a batch of probabilities."""
        super().update((preds >= self.cuts.to(preds.device)).long(), target)


class F1(MultilabelF1Score):
    """The harmonic mean of precision and recall, with a threshold for each label."""

    def __init__(self, cuts: Sequence[float], labels: int, **kwargs: Any) -> None:
        super().__init__(labels, **kwargs)
        self.cuts = torch.tensor(cuts)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count a batch of probabilities."""
        super().update((preds >= self.cuts.to(preds.device)).long(), target)


class AveragePrecision(MultilabelAveragePrecision):
    """The area under precision over recall; of a label that does not occur it is NaN, and left out of the mean."""

    def compute(self) -> Tensor:  # type: ignore[override]  # as its base does
        """Return the mean, or each."""
        pairs = zip(dim_zero_cat(self.preds).T, dim_zero_cat(self.target).T, strict=True)
        nothing = torch.tensor(torch.nan, device=self.device)
        each = torch.stack([binary_average_precision(p, true) if true.any() else nothing for p, true in pairs])
        return each.nanmean() if self.average == "macro" else each


def yes_no(values: Tensor) -> list[str]:
    """Return truth values (B,) as texts."""
    return ["yes" if value else "no" for value in values.tolist()]
