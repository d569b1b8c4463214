"""The first training batch: samples and statistics."""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine import console
from engine.dashboard.batches import FirstBatchPanel
from engine.dashboard.pictures import images

COLUMNS = 12  # with statistics of their own; of more, the first are shown
NUMBERS = 3  # of a target that has several
CLASSES = 20  # whose samples are counted


class InputBatch(FirstBatchPanel):
    """The first training batch, as the network gets it: augmented images, else a table of numbers or of characters.

    Its shape, range, mean and standard deviation per column or channel, and how often each class occurs, are printed
    before training.

    Args:
        samples: How many of its samples are shown.
    """

    def __init__(self, samples: int = 24) -> None:
        super().__init__()
        self.samples = samples

    def suits(self) -> bool:
        """Return whether there is a training."""
        return self.stage == "train"

    def first_batch(self, inputs: Tensor, targets: Tensor) -> None:
        """Show the batch."""
        inputs, targets = inputs.detach().cpu(), targets.detach().cpu()
        if not inputs.numel() or not targets.numel() or inputs.is_complex():
            return
        inputs = inputs[:, None] if inputs.ndim == 1 else inputs
        lines = self._statistics(inputs, targets)
        console.say("\n".join(["first batch", *(f"  {line}" for line in lines)]))
        self.text("train/batch_statistics", "\n".join(f"* {line}" for line in lines))
        inputs = inputs[: self.samples]
        inputs = inputs.float() if inputs.is_floating_point() else inputs  # NumPy has no bfloat16
        labels = [self._label(target) for target in targets[: self.samples]]
        if inputs.ndim == 4:
            title = f"First training batch, {len(inputs)} images with their labels"
            self.figure("batch", images(inputs.numpy(), self.drawable(labels), title))
        else:
            self.text("train/batch", self._table(inputs, labels))

    def _label(self, target: Tensor) -> str:
        """Return the name of a class, or the first numbers of a target."""
        values, names = target.flatten().tolist(), self.class_names
        if len(values) == 1 and isinstance(values[0], int) and 0 <= values[0] < len(names):
            return names[values[0]]
        return ", ".join(f"{value:.4g}" for value in values[:NUMBERS]) + (", …" if len(values) > NUMBERS else "")

    def _table(self, inputs: Tensor, labels: list[str]) -> str:
        vocabulary = getattr(self.task, "vocabulary", None)
        if inputs.is_floating_point() or not isinstance(
            vocabulary, Sequence
        ):  # other modules may call so what they like
            vocabulary = None
        if vocabulary:
            header = ["input", "next character"]
            rows = [[repr("".join(vocabulary[number] for number in row))] for row in inputs.tolist()]
        else:
            header = [*self._columns(inputs), self.target_name]
            rows = [[f"{value:.4g}" for value in row] for row in inputs.flatten(1).tolist()]
        lines = [
            [f"`{cell}`" if vocabulary else cell for cell in [*row, label]]
            for row, label in zip(rows, labels, strict=True)
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["-"] * len(header), *lines])

    def _columns(self, inputs: Tensor) -> list[str]:
        count = inputs.flatten(1).shape[1]
        names = self.feature_names
        return names if len(names) == count else [f"x{number}" for number in range(1, count + 1)]

    def _statistics(self, inputs: Tensor, targets: Tensor) -> list[str]:
        """Return shape, type and range; mean and deviation per column or channel; the same of the targets."""
        lines = [f"inputs {described(inputs)}"]
        if inputs.ndim == 4:
            lines.append(spread([f"channel {n}" for n in range(inputs.shape[1])], inputs.transpose(0, 1).flatten(1)))
        elif inputs.is_floating_point() and inputs.ndim == 2:
            lines.append(spread(self._columns(inputs), inputs.T))
        if targets.is_floating_point():
            columns = targets.flatten(1) if targets.ndim > 1 else targets[:, None]
            lines.append(f"targets {described(targets)}; {spread([self.target_name] * columns.shape[1], columns.T)}")
        else:
            lines.append(f"labels {described(targets)}; {self._counts(targets)}")
        return lines

    def _counts(self, labels: Tensor) -> str:
        values, counts = labels.unique(return_counts=True)
        names, order = self.class_names, counts.argsort(descending=True, stable=True)[:CLASSES].sort().values
        named = [
            f"{names[value] if 0 <= value < len(names) else value}: {count}"
            for value, count in zip(values[order].tolist(), counts[order].tolist(), strict=True)
        ]
        return ", ".join(named) + (f", and {len(values) - CLASSES} more" if len(values) > CLASSES else "")


def described(values: Tensor) -> str:
    """Return the shape, type and range of a tensor."""
    dtype = str(values.dtype).removeprefix("torch.")
    return f"{tuple(values.shape)} {dtype} in [{values.min().item():.4g}, {values.max().item():.4g}]"


def spread(names: list[str], rows: Tensor) -> str:
    """Return the mean and standard deviation of each row, by name."""
    deviations, means = torch.std_mean(rows[:COLUMNS].float(), 1, correction=0)
    named = [
        f"{name} {mean:.4g} ± {deviation:.4g}"
        for name, mean, deviation in zip(names, means.tolist(), deviations.tolist(), strict=False)
    ]
    return (
        "mean ± deviation: " + ", ".join(named) + (f", and {len(rows) - COLUMNS} more" if len(rows) > COLUMNS else "")
    )
