"""From which probability a label is best predicted."""

import torch
from torch import Tensor

from app.figures.plots.multilabel import THRESHOLDS, Choice, choice, thresholds
from app.tasks import MultiLabel
from engine.dashboard import SamplePanel

LABELS = 9  # that are drawn; the table has all


class Thresholds(SamplePanel):
    """Precision, recall and F1 of each label over the threshold, as a figure and a table.

    Choose from those of the validation split, val_thresholds.png; those of the test split say how it went.

    Args:
        every_n_epochs: How often; by default twice in a run.
    """

    def suits(self) -> bool:
        """Return whether the task predicts labels."""
        return isinstance(self.task, MultiLabel)

    def columns(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> tuple[Tensor, ...]:
        """Keep labels and probabilities."""
        return targets, predictions

    def plot(self, *columns: Tensor) -> None:
        """Draw the figure and write the table."""
        pairs = zip(*(column.numpy().T for column in columns), strict=True)
        choices = [choice(true, probabilities) for true, probabilities in pairs]
        names, cuts = self.target_names, torch.as_tensor(self.task.cuts).tolist()
        shown, title = self.drawable(names[:LABELS]), self.title("Thresholds of labels")
        self.figure("thresholds", thresholds(choices[:LABELS], cuts[:LABELS], shown, title))
        self.text(f"{self.stage}/thresholds", table(choices, cuts, names))


def table(choices: list[Choice], cuts: list[float], names: list[str]) -> str:
    """Return a Markdown table: what the threshold in use gives, and the one with the best F1."""
    lines = ["| label | threshold | precision | recall | F1 |", "| - | - | - | - | - |"]
    for each, cut, name in zip(choices, cuts, names, strict=True):
        used = abs(THRESHOLDS - cut).argmin()
        for what, place in (("in use", used), ("best F1", each.best)):
            numbers = (each.precision[place], each.recall[place], each.f1[place])
            lines.append(f"| {name} | {THRESHOLDS[place]:.2f} ({what}) | {' | '.join(f'{n:.3f}' for n in numbers)} |")
    return "\n".join(lines)
