"""Classification: predict one class of several."""

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

from app.networks import Standardizer
from engine import Columns, SupervisedTask, batches


class Classification(SupervisedTask):
    """Maps raw inputs (B, ...) to logits (B, classes); the loss is the cross-entropy in nats.

    Images are uint8 (B, C, H, W) in [0, 255] or floats in [0, 1], and are standardized per channel.

    Args:
        network: Maps standardized inputs to logits (B, classes).
        optimizer: Class of torch.optim with its arguments.
        lr_scheduler: Class of torch.optim.lr_scheduler with its arguments.
        num_classes: Number of classes; by default as the data has.
        mean: Mean of each input channel, images in [0, 1]; by default that of the training split.
        std: Standard deviation of each input channel, likewise.
        label_smoothing: Share of each label in [0, 1) that training spreads over all classes.
        l1: Weight of the sum of absolute weights of the network in the loss that is minimized.
        compile: Compile the network with torch.compile.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        lr_scheduler: LRSchedulerCallable | None = None,
        num_classes: int | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        l1: float = 0.0,
        compile: bool = False,
    ) -> None:
        """Store the parts."""
        if not num_classes or num_classes < 2:
            raise ValueError(f"num_classes must be at least 2: {num_classes}")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be in [0, 1): {label_smoothing}")
        metrics = MetricCollection({"accuracy": MulticlassAccuracy(num_classes, average="micro")})
        super().__init__(network, optimizer, lr_scheduler, metrics, l1, compile)
        self.num_classes = num_classes
        self.inputs = Standardizer(mean, std)
        self.label_smoothing = label_smoothing
        self.confusion = MulticlassConfusionMatrix(num_classes)

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
        if targets.max() >= self.num_classes:
            raise ValueError(f"label {int(targets.max())} for {self.num_classes} classes")
        return functional.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing if self.training else 0)

    def constant_loss(self, targets: Tensor) -> float:
        """Return the entropy of the labels (N,) in nats, the loss of always predicting how often each class occurs."""
        return entropy(targets)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the logits: metrics take them as they are."""
        return outputs

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return index, label, name of the predicted class and the probability of each class."""
        names, files = self.class_names, getattr(self.data, "files", None)
        probabilities = self(inputs).softmax(1)
        columns: Columns = {}
        if index is not None:
            columns = {"file": [files[row] for row in index]} if files else {"index": index}
        if targets is not None and (targets >= 0).all():
            columns["label"] = [names[label] for label in targets.tolist()]
        columns["predicted"] = [names[label] for label in probabilities.argmax(1).tolist()]
        return columns | {f"p_{name}": p for name, p in zip(names, probabilities.unbind(1), strict=True)}

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Log loss and metrics of a batch of the test split, and count what is taken for what."""
        predictions = super().test_step(batch, batch_idx)
        self.confusion.update(predictions, batch[1])
        return predictions

    def on_test_epoch_end(self) -> None:
        """Log the share of each class that is recognized, of those that occur."""
        counts = self.confusion.compute()
        shares = counts.diag() / counts.sum(1)
        named = zip(self.class_names, shares, strict=True)
        found = {f"test/accuracy_{name}": share for name, share in named if not share.isnan()}
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


def scale(inputs: Tensor) -> Tensor:
    """Return uint8 images as floats in [0, 1], anything else as it is."""
    return inputs.float().div_(255) if inputs.dtype == torch.uint8 else inputs
