"""What a diagnosis knows of a run: a few numbers for each block of steps."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

RECENT = 10  # samples of gradients and activations that a judgement rests on
NEWEST = 4  # validations that one rests on, beside the best


@dataclass
class History:
    """Statistics of a run so far; a block is a hundredth of it, but ten steps at least.

    Args:
        losses: Mean training loss of each block.
        rates: Learning rate at the end of each block.
        validations: Epoch, training loss of the block then, and validation loss, of the best and the newest.
        gradients: Root mean square of the gradient of each weight matrix, by name, in the most recent samples.
        norms: Norm of all gradients in the most recent samples.
        alive: How often each unit of a layer was above zero in the most recent samples, by layer.
        zero: Weight matrices that hold nothing but zeros.
        moved: Distance of the weights from where they began, over their size then; None before it is known.
        baseline: Loss of the best constant prediction; None if that is not known.
        share: Part of the run that is done, in [0, 1].
    """

    losses: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    validations: list[list[float]] = field(default_factory=list)
    gradients: dict[str, list[float]] = field(default_factory=dict)
    norms: list[float] = field(default_factory=list)
    alive: dict[str, list[list[bool]]] = field(default_factory=dict)
    zero: list[str] = field(default_factory=list)
    moved: float | None = None
    baseline: float | None = None
    share: float = 0.0

    def add_gradients(self, names: Sequence[str], sizes: Sequence[float], total: float) -> None:
        """Add a sample of gradients."""
        for name, size in zip(names, sizes, strict=True):
            self.gradients[name] = [*self.gradients.get(name, []), size][-RECENT:]
        self.norms = [*self.norms, total][-RECENT:]

    def add_activity(self, layer: str, active: list[bool]) -> None:
        """Add which units of a layer were above zero for any sample of a batch."""
        self.alive[layer] = [*self.alive.get(layer, []), active][-RECENT:]

    def add_validation(self, epoch: int, train: float, loss: float) -> None:
        """Add a validation; those that are neither the best nor recent are forgotten."""
        rows = [*self.validations, [epoch, train, loss]]
        best, newest = min(rows, key=lambda row: row[2]), rows[-NEWEST:]
        self.validations = newest if best in newest else [best, *newest]

    def typical_gradients(self) -> dict[str, float]:
        """Return the median of each weight matrix's gradients, {} before there are enough samples."""
        if len(self.norms) < RECENT:
            return {}
        return {name: statistics.median(sizes) for name, sizes in self.gradients.items() if len(sizes) == RECENT}

    def dead_shares(self) -> dict[str, float]:
        """Return the share of units of each layer that were never above zero, {} before there are enough samples."""
        return {
            layer: 1 - sum(map(any, zip(*samples, strict=True))) / len(samples[0])
            for layer, samples in self.alive.items()
            if len(samples) == RECENT
        }

    def state(self) -> dict[str, Any]:
        """Return everything as plain values, not copied: a checkpoint is written at once."""
        return dict(vars(self))
