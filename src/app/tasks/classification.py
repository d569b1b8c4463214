"""Classification: predict one class of several."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

from app.networks import Standardizer
from app.tasks.inputs import fit_inputs, places, scale
from engine import Columns, SupervisedTask


class Classification(SupervisedTask):
    """Maps raw inputs (B, ...) to logits (B, classes); the loss is the cross-entropy in nats.

    Images are uint8 (B, C, H, W) in [0, 255] or floats in [0, 1], and are standardized per channel.

    Args:
        num_classes: Number of classes; by default as the data has.
        mean: Mean of each input channel, images in [0, 1]; by default that of the training split.
        std: Standard deviation of each input channel, likewise.
        label_smoothing: Fraction of each label in [0, 1) that training spreads over all classes.
        class_weights: Weight of each class in the cross-entropy, as in torch.nn.CrossEntropyLoss; by default 1.
        loss: Maps logits (B, classes) and labels (B,) to a scalar, in place of the cross-entropy.
    """

    exports = "probabilities"

    def __init__(
        self,
        *args: Any,
        num_classes: int | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        loss: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        if not num_classes or num_classes < 2:
            raise ValueError(f"num_classes must be at least 2: {num_classes}")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be in [0, 1): {label_smoothing}")
        if class_weights is not None and (len(class_weights) != num_classes or min(class_weights) < 0):
            raise ValueError(f"class_weights must be {num_classes} numbers of 0 or more: {class_weights}")
        if loss is not None and (label_smoothing or class_weights):
            raise ValueError("label_smoothing and class_weights belong to the cross-entropy, which loss replaces")
        metrics = MetricCollection({"accuracy": MulticlassAccuracy(num_classes, average="micro")})
        super().__init__(*args, metrics=metrics, **kwargs)
        self.num_classes = num_classes
        self.inputs = Standardizer(mean, std)
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.criterion = loss or nn.CrossEntropyLoss(weights, label_smoothing=label_smoothing)
        self.confusion = MulticlassConfusionMatrix(num_classes)

    def fit_statistics(self, data: Any) -> None:
        """Standardize inputs by the training split."""
        fit_inputs(self, self.inputs, data)

    def outputs(self, inputs: Tensor) -> Tensor:
        """Map raw inputs (B, ...) to logits (B, classes), which metrics take as they are."""
        return super().outputs(self.inputs(scale(inputs)))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy in nats of logits (B, classes) for labels (B,)."""
        if outputs.shape != (len(targets), self.num_classes):
            raise ValueError(f"outputs {tuple(outputs.shape)} for {self.num_classes} classes")
        if targets.max() >= self.num_classes:
            raise ValueError(f"label {int(targets.max())} for {self.num_classes} classes")
        if isinstance(self.criterion, nn.CrossEntropyLoss) and not self.training:  # labels are smoothed in training
            return functional.cross_entropy(outputs, targets, self.criterion.weight)
        loss: Tensor = self.criterion(outputs, targets)
        return loss

    def constant_loss(self, targets: Tensor) -> float | None:
        """Return the entropy of the labels (N,) in nats, the loss of always predicting how often each class occurs."""
        plain = isinstance(self.criterion, nn.CrossEntropyLoss) and self.criterion.weight is None
        return entropy(targets) if plain else None

    def exported(self, inputs: Tensor) -> Tensor:
        """Return the probability of each class (B, classes)."""
        probabilities: Tensor = self(inputs).softmax(1)
        return probabilities

    def outputs_of(self, exported: Tensor) -> Tensor:
        """Return log-probabilities, which are logits of the same probabilities."""
        return log_probabilities(exported)

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return index, label, name of the predicted class and the probability of each class."""
        names = self.class_names
        probabilities = self(inputs).softmax(1)
        columns = places(self, index)
        if targets is not None and (targets >= 0).all():
            columns["label"] = [names[label] for label in targets.tolist()]
        columns["predicted"] = [names[label] for label in probabilities.argmax(1).tolist()]
        return columns | {f"p_{name}": p for name, p in zip(names, probabilities.unbind(1), strict=True)}

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Log loss and metrics of a batch of the test split, and add it to the confusion matrix."""
        predictions = super().test_step(batch, batch_idx)
        self.confusion.update(predictions, batch[1])
        return predictions

    def on_test_epoch_end(self) -> None:
        """Log the recall of each class that occurs."""
        counts = self.confusion.compute()
        named = zip(self.class_names, counts.diag() / counts.sum(1), strict=True)
        found = {f"test/accuracy_{name}": recall for name, recall in named if not recall.isnan()}
        self.log_dict(found, sync_dist=True)  # equal in all processes, which Lightning cannot know
        self.confusion.reset()

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the classes, as the data module has them, else their numbers."""
        names: Sequence[str] = getattr(self.data, "class_names", ()) or [str(n) for n in range(self.num_classes)]
        return names


def entropy(labels: Tensor) -> float:
    """Return the entropy of labels (N,) in nats, from how often each occurs."""
    return float(torch.distributions.Categorical(probs=labels.bincount().float()).entropy())


def log_probabilities(probabilities: Tensor) -> Tensor:
    """Return finite logarithms of probabilities, of which a float may have rounded some to 0."""
    return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()
