"""Which classes are taken for which."""

import torch
from torch import Tensor

from app.figures.plots.classification import boundary, confusion, regions, roc
from app.tasks import Classification
from engine.dashboard.observe import Gathered, undisturbed
from engine.dashboard.panel import Board, Panel
from engine.dashboard.pictures import images

CURVES = 20  # classes with curves of their own; more would hide each other


class Confusion(Panel):
    """How many samples of each class were taken for which.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def __init__(self, every_n_epochs: int | None = None) -> None:
        """Count nothing yet."""
        super().__init__(every_n_epochs, draws=2)
        self._counts: Tensor | None = None

    def suits(self, board: Board) -> bool:
        """Say whether the task tells classes apart."""
        return len(board.classes) > 1

    def update(self, board: Board, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Count a batch."""
        classes = len(board.classes)
        pairs = torch.bincount(targets * classes + predictions.argmax(1), minlength=classes**2)
        self._counts = pairs if self._counts is None else self._counts + pairs

    def draw(self, board: Board) -> None:
        """Draw the matrix."""
        counts, self._counts = self._counts, None
        if counts is not None:
            names = board.classes
            matrix = counts.view(len(names), -1).cpu().numpy()
            title = board.title(f"Confusion of {matrix.sum():,} samples")
            board.figure("confusion", confusion(matrix, names, title))


class Curves(Panel):
    """Precision against recall of each class in the tab PR Curves, and the ROC with the area under it as a figure.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def __init__(self, every_n_epochs: int | None = None) -> None:
        """Gather nothing yet."""
        super().__init__(every_n_epochs, draws=2)
        self._samples = Gathered()

    def suits(self, board: Board) -> bool:
        """Say whether the task is a classification."""
        return isinstance(board.task, Classification)

    def update(self, board: Board, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep labels and probabilities."""
        self._samples.add(targets, predictions.softmax(1)[:, :CURVES])

    def draw(self, board: Board) -> None:
        """Draw both kinds of curves."""
        columns = self._samples.take()
        if not columns:
            return
        labels, probabilities = (column.numpy() for column in columns)
        names = board.classes[:CURVES]
        if board.writer is not None:
            for number, name in enumerate(names):
                tag = f"{board.stage}/{name}"
                board.writer.add_pr_curve(tag, labels == number, probabilities[:, number], board.step)
        board.figure("roc", roc(labels, probabilities, names, board.title("ROC, each class against the rest")))


class Misclassified(Panel):
    """Images that were taken for another class, the most confident mistakes first.

    Args:
        every_n_epochs: How often; by default twice in a run.
        samples: How many are shown.
    """

    def __init__(self, every_n_epochs: int | None = None, samples: int = 24) -> None:
        """Gather nothing yet."""
        super().__init__(every_n_epochs, draws=2)
        self.samples = samples
        self._worst: list[tuple[float, str, Tensor]] = []
        self._wrong = 0
        self._seen = 0

    def suits(self, board: Board) -> bool:
        """Say whether the task is a classification; whether of images, batches will show."""
        return isinstance(board.task, Classification)

    def update(self, board: Board, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the worst mistakes."""
        if inputs.ndim != 4:
            return
        confidence, guess = predictions.softmax(1).max(1)
        wrong = torch.nonzero(guess != targets)[:, 0]
        self._seen += len(targets)
        self._wrong += len(wrong)
        wrong = wrong[confidence[wrong].argsort(descending=True)[: self.samples]]
        names = board.classes
        for row in wrong.tolist():
            caption = f"{names[int(targets[row])]} as {names[int(guess[row])]} {confidence[row].item():.0%}"
            self._worst.append((confidence[row].item(), caption, inputs[row].cpu()))
        self._worst = sorted(self._worst, key=lambda mistake: -mistake[0])[: self.samples]

    def draw(self, board: Board) -> None:
        """Draw them."""
        worst, wrong, seen = self._worst, self._wrong, self._seen
        self._worst, self._wrong, self._seen = [], 0, 0
        if worst:
            pictures = torch.stack([picture for _, _, picture in worst]).numpy()
            title = board.title(f"{wrong:,} of {seen:,} misclassified, the most confident")
            board.figure("misclassified", images(pictures, [caption for _, caption, _ in worst], title))


class Boundary(Panel):
    """Where the decision falls: the probability along the one input of two classes, or regions over two inputs.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def __init__(self, every_n_epochs: int | None = None) -> None:
        """Gather nothing yet."""
        super().__init__(every_n_epochs, draws=2)
        self._samples = Gathered()

    def suits(self, board: Board) -> bool:
        """Say whether the inputs are one number and the classes two, or the inputs two numbers."""
        shape = (len(board.features), len(board.classes))
        return isinstance(board.task, Classification) and (shape == (1, 2) or shape[0] == 2)

    def update(self, board: Board, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the samples."""
        self._samples.add(inputs, targets)

    def draw(self, board: Board) -> None:
        """Draw the figure."""
        columns = self._samples.take()
        if not columns:
            return
        inputs, targets = columns
        names, labels, features = board.classes, targets.numpy(), [board.label(name) for name in board.features]
        axes = [
            torch.linspace(low, high, 1000 if inputs.shape[1] == 1 else 200)
            for low, high in zip(inputs.amin(0), inputs.amax(0), strict=True)
        ]
        points = torch.cartesian_prod(*axes[::-1]).view(-1, len(axes)).flip(1)
        with undisturbed(board.task):
            probabilities = board.task(points.to(board.task.device)).float().softmax(1).cpu()
        if len(axes) == 1:
            line = (axes[0].numpy(), probabilities[:, 1].numpy())
            title = board.title("Decision boundary")
            figure = boundary(inputs[:, 0].numpy(), labels, line, names, features[0], title)
        else:
            guess = probabilities.argmax(1).view(len(axes[1]), len(axes[0]))
            ground = (axes[0].numpy(), axes[1].numpy(), guess.numpy())
            figure = regions(inputs.numpy(), labels, ground, names, features, board.title("Decision regions"))
        board.figure("boundary", figure)
