"""What the network is shown."""

from torch import Tensor

from engine.dashboard.panel import Board, Panel
from engine.dashboard.pictures import images


class InputBatch(Panel):
    """The first training batch, as the network gets it: augmented images, else a table of numbers or of texts.

    Args:
        samples: How many of its samples are shown.
    """

    def __init__(self, samples: int = 24) -> None:
        """Store how many."""
        super().__init__()
        self.samples = samples

    def begin(self, board: Board, inputs: Tensor, targets: Tensor) -> None:
        """Show the batch."""
        inputs, targets = inputs[: self.samples].cpu(), targets[: self.samples].cpu()
        names = board.classes
        labels = [names[label] if names else f"{label:.4g}" for label in targets.flatten().tolist()]
        if inputs.ndim == 4:
            title = f"First training batch, {len(inputs)} images with their labels"
            board.figure("batch", images(inputs.numpy(), labels, title))
        else:
            board.text("train/batch", self._table(board, inputs, labels))

    @staticmethod
    def _table(board: Board, inputs: Tensor, labels: list[str]) -> str:
        vocabulary = getattr(board.task, "vocabulary", None)
        if vocabulary:
            header = ["input", "next character"]
            rows = [[repr("".join(vocabulary[number] for number in row))] for row in inputs.tolist()]
        else:
            header = [*(board.features or [f"x{n + 1}" for n in range(inputs.shape[1])]), "target"]
            rows = [[f"{value:.4g}" for value in row] for row in inputs.flatten(1).tolist()]
        lines = [
            [f"`{cell}`" if vocabulary else cell for cell in [*row, label]]
            for row, label in zip(rows, labels, strict=True)
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["-"] * len(header), *lines])
