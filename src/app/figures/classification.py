"""Which classes are predicted for which."""

import torch
from torch import Tensor

from app.figures.plots.classification import boundary, confusion, precision_recall, regions, roc
from app.figures.regression import is_numeric
from app.tasks import Classification, MultiLabel
from engine.dashboard import Panel, SamplePanel, evaluating, images

CURVES = 20  # classes with curves of their own; more would hide each other


class Confusion(Panel):
    """The confusion matrix: how many samples of each class were predicted as which.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    draws = 2

    def __init__(self, every_n_epochs: int | None = None) -> None:
        super().__init__(every_n_epochs)
        self._counts: Tensor | None = None

    def suits(self) -> bool:
        """Return whether the task tells classes apart."""
        return len(self.class_names) > 1

    def update(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Count a batch."""
        classes = len(self.class_names)
        pairs = torch.bincount(targets * classes + predictions.argmax(1), minlength=classes**2)
        self._counts = pairs if self._counts is None else self._counts + pairs

    def draw(self) -> None:
        """Draw the matrix."""
        counts, self._counts = self._counts, None
        if counts is not None:
            names = self.drawable(self.class_names)
            matrix = counts.view(len(names), -1).cpu().numpy()
            title = self.title(f"Confusion matrix, {matrix.sum():,} samples")
            self.figure("confusion", confusion(matrix, names, title))


class Curves(SamplePanel):
    """ROC and precision-recall curves of each class or label, as figures; the latter in the tab PR Curves too.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def suits(self) -> bool:
        """Return whether the task predicts classes or labels."""
        return isinstance(self.task, Classification | MultiLabel)

    def columns(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> tuple[Tensor, ...]:
        """Keep classes (B,) or labels (B, labels), and probabilities."""
        if targets.ndim > 1:
            return targets[:, :CURVES], predictions[:, :CURVES]
        return targets, predictions.softmax(1)[:, :CURVES]

    def plot(self, *columns: Tensor) -> None:
        """Draw all curves."""
        labels, probabilities = (column.numpy() for column in columns)
        names = (self.class_names or self.target_names)[:CURVES]
        if self.writer is not None:
            for number, name in enumerate(names):
                tag, true = f"{self.stage}/{name}", labels == number if labels.ndim == 1 else labels[:, number] > 0
                self.writer.add_pr_curve(tag, true, probabilities[:, number], self.step)
        names, what = self.drawable(names), "each class against the rest" if labels.ndim == 1 else "each label"
        self.figure("roc", roc(labels, probabilities, names, self.title(f"ROC, {what}")))
        title = self.title(f"Precision and recall, {what}")
        self.figure("precision_recall", precision_recall(labels, probabilities, names, title))


class Misclassified(Panel):
    """Images that were predicted as another class, the most confident mistakes first.

    Args:
        every_n_epochs: How often; by default twice in a run.
        samples: How many are shown.
    """

    draws = 2

    def __init__(self, every_n_epochs: int | None = None, samples: int = 24) -> None:
        super().__init__(every_n_epochs)
        self.samples = samples
        self._worst: list[tuple[float, str, Tensor]] = []
        self._wrong = 0
        self._seen = 0

    def suits(self) -> bool:
        """Return whether the task is a classification; whether of images, batches will show."""
        return isinstance(self.task, Classification)

    def update(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the worst mistakes."""
        if inputs.ndim != 4:
            return
        confidence, guess = predictions.softmax(1).max(1)
        wrong = torch.nonzero(guess != targets)[:, 0]
        self._seen += len(targets)
        self._wrong += len(wrong)
        wrong = wrong[confidence[wrong].argsort(descending=True)[: self.samples]]
        names = self.drawable(self.class_names)
        for row in wrong.tolist():
            actual, predicted = names[int(targets[row])], names[int(guess[row])]
            caption = f"{actual} predicted as {predicted}, {confidence[row].item():.0%}".replace("%", " %")
            self._worst.append((confidence[row].item(), caption, inputs[row].cpu()))
        self._worst = sorted(self._worst, key=lambda mistake: -mistake[0])[: self.samples]

    def draw(self) -> None:
        """Draw them."""
        worst, wrong, seen = self._worst, self._wrong, self._seen
        self._worst, self._wrong, self._seen = [], 0, 0
        if worst:
            pictures = torch.stack([picture for _, _, picture in worst]).numpy()
            title = self.title(f"{wrong:,} of {seen:,} misclassified, the most confident")
            self.figure("misclassified", images(pictures, [caption for _, caption, _ in worst], title))


class Boundary(SamplePanel):
    """The decision boundary: the probability along the one input of two classes, or regions over two inputs.

    The true boundary is drawn too where the data module has it as `boundary`.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def suits(self) -> bool:
        """Return whether the inputs are one number and the classes two, or the inputs two numbers."""
        shape = (len(self.feature_names), len(self.class_names))
        suitable = shape == (1, 2) or shape[0] == 2
        return isinstance(self.task, Classification) and suitable and is_numeric(self.data)

    def columns(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> tuple[Tensor, ...]:
        """Keep inputs and labels."""
        return inputs, targets

    def plot(self, *columns: Tensor) -> None:
        """Draw the boundary or the regions."""
        inputs, targets = columns
        names, labels = self.drawable(self.class_names), targets.numpy()
        features = [self.label(name) for name in self.feature_names]
        axes = [
            torch.linspace(low, high, 1000 if inputs.shape[1] == 1 else 200)
            for low, high in zip(inputs.amin(0).tolist(), inputs.amax(0).tolist(), strict=True)
        ]
        points = torch.cartesian_prod(*axes[::-1]).view(-1, len(axes)).flip(1)
        with evaluating(self.task):
            probabilities = self.task(points.to(self.task.device)).float().softmax(1).cpu()
        if len(axes) == 1:
            line = (axes[0].numpy(), probabilities[:, 1].numpy())
            truth = getattr(self.data, "boundary", None)
            title = self.title("Decision boundary")
            figure = boundary(inputs[:, 0].numpy(), labels, line, truth, names, features[0], title)
        else:
            guess = probabilities.argmax(1).view(len(axes[1]), len(axes[0]))
            grid = (axes[0].numpy(), axes[1].numpy(), guess.numpy())
            figure = regions(inputs.numpy(), labels, grid, names, features, self.title("Decision regions"))
        self.figure("boundary", figure)
