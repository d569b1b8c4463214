"""The first training batch: samples and statistics."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine import console
from engine.dashboard.batches import FirstBatchPanel
from engine.dashboard.pictures import images
from engine.data.columns import named

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
            columns = self._named(inputs.flatten(1))
            header = [*columns, ", ".join(self.target_names)]
            values = (column.tolist() if isinstance(column, Tensor) else column for column in columns.values())
            rows = [[shown(value) for value in row] for row in zip(*values, strict=True)]
        lines = [
            [f"`{cell}`" if vocabulary else cell for cell in [*row, label]]
            for row, label in zip(rows, labels, strict=True)
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["-"] * len(header), *lines])

    def _named(self, inputs: Tensor) -> dict[str, Tensor | Sequence[Any]]:
        return named(self.data if len(self.feature_names) == inputs.shape[1] else None, inputs)

    def _statistics(self, inputs: Tensor, targets: Tensor) -> list[str]:
        """Return shape, type and range; mean and deviation per column or channel; the same of the targets."""
        lines = [f"inputs {described(inputs)}"]
        if inputs.ndim == 4:
            lines.append(spread([f"channel {n}" for n in range(inputs.shape[1])], inputs.transpose(0, 1).flatten(1)))
        elif inputs.is_floating_point() and inputs.ndim == 2:
            lines += columns_described(self._named(inputs), inputs)
        names, columns = self.target_names, targets.flatten(1) if targets.ndim > 1 else targets[:, None]
        if targets.is_floating_point():
            names = names if len(names) == columns.shape[1] else [self.target_name] * columns.shape[1]
            lines.append(f"targets {described(targets)}; {spread(names, columns.T)}")
        elif len(names) == columns.shape[1] > 1:  # labels, of which a sample has several
            counts = zip(names, columns.sum(0).tolist(), strict=True)
            lines.append(f"labels {described(targets)}; {', '.join(f'{name}: {count}' for name, count in counts)}")
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
    there = values[~values.isnan()] if values.isnan().any() else values
    span = f"[{there.min().item():.4g}, {there.max().item():.4g}]" if there.numel() else "[]"
    return f"{tuple(values.shape)} {dtype} in {span}"


def spread(names: list[str], rows: Tensor) -> str:
    """Return the mean and standard deviation of each row, by name."""
    rows = rows.float()
    if rows.isnan().any():
        means = rows[:COLUMNS].nanmean(1)
        deviations = (rows[:COLUMNS] - means[:, None]).square().nanmean(1).sqrt()
    else:
        deviations, means = torch.std_mean(rows[:COLUMNS], 1, correction=0)
    texts = [
        f"{name} {mean:.4g} ± {deviation:.4g}"
        for name, mean, deviation in zip(names, means.tolist(), deviations.tolist(), strict=False)
    ]
    return (
        "mean ± deviation: " + ", ".join(texts) + (f", and {len(rows) - COLUMNS} more" if len(rows) > COLUMNS else "")
    )


def columns_described(columns: Mapping[str, Tensor | Sequence[Any]], inputs: Tensor) -> list[str]:
    """Return the spread of columns of numbers, their gaps, and how many different texts other columns have."""
    mixed = {name: column for name, column in columns.items() if not isinstance(column, Tensor)}
    texts = {name: len({*column}) for name, column in mixed.items() if any(isinstance(each, str) for each in column)}
    gaps = {name: sum(each is None for each in column) for name, column in mixed.items() if name not in texts}
    numbers = {name: place for place, name in enumerate(columns) if name not in texts}
    lines = [spread(list(numbers), inputs[:, list(numbers.values())].T)] if numbers else []
    for what, counts in {"gaps": gaps, "different texts": texts}.items():
        if counts:
            lines.append(f"{what}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    return lines


def shown(value: float | str | None) -> str:
    """Return a number in four digits, a text as it is, and nothing for a gap."""
    return value or "" if value is None or isinstance(value, str) else f"{value:.4g}"
