"""Classification: predict one class of several."""

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from app.networks import Standardizer
from app.tasks.base import Columns, SupervisedTask, batches


class Classification(SupervisedTask):
    """Maps raw inputs (B, ...) to logits (B, classes); the loss is the cross-entropy in nats.

    Images are uint8 (B, C, H, W) in [0, 255] or floats in [0, 1], and are standardized per channel.

    Args:
        network: Maps standardized inputs to logits (B, classes).
        optimizer: Class of torch.optim with its arguments.
        lr_scheduler: Class of torch.optim.lr_scheduler with its arguments, stepped once an epoch.
        num_classes: Number of classes.
        mean: Mean of each input channel, images in [0, 1]; by default that of the training split.
        std: Standard deviation of each input channel, likewise.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        lr_scheduler: LRSchedulerCallable | None = None,
        num_classes: int = 10,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        """Store the parts."""
        metrics = MetricCollection({"accuracy": MulticlassAccuracy(num_classes, average="micro")})
        super().__init__(network, optimizer, lr_scheduler, metrics)
        self.num_classes = num_classes
        self.inputs = Standardizer(mean, std)

    def fit_statistics(self, dataset: Dataset[Any]) -> None:
        """Standardize inputs by the training split."""
        if not self.inputs.fitted:
            self.inputs.fit(scale(batch[0]) for batch in batches(dataset))

    def outputs(self, inputs: Tensor) -> Tensor:
        """Map raw inputs (B, ...) to logits (B, classes)."""
        logits: Tensor = self.network(self.inputs(scale(inputs)))
        return logits

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy in nats of logits (B, classes) for labels (B,)."""
        if outputs.shape != (len(targets), self.num_classes):
            raise ValueError(f"outputs {tuple(outputs.shape)} for {self.num_classes} classes")
        return functional.cross_entropy(outputs, targets)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the logits: metrics take them as they are."""
        return outputs

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return index, label, name of the predicted class and the probability of each class."""
        names = getattr(self.data, "class_names", None) or [str(n) for n in range(self.num_classes)]
        probabilities = self(inputs).softmax(1)
        columns: Columns = {} if index is None else {"index": index}
        if targets is not None:
            columns["label"] = [names[label] for label in targets.tolist()]
        columns["predicted"] = [names[label] for label in probabilities.argmax(1).tolist()]
        return columns | {f"p_{name}": p for name, p in zip(names, probabilities.unbind(1), strict=True)}


def scale(inputs: Tensor) -> Tensor:
    """Return uint8 images as floats in [0, 1], anything else as it is."""
    return inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs
