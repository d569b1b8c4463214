"""History of a run: a few numbers for each block of steps, from which the symptoms are judged."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from engine.diagnosis.advice import Setup

MIN_STEPS = 10  # steps in a block: the mean of fewer is mostly noise
RECENT = 10  # samples of gradients and activations that a judgement rests on
JUDGED = 20  # blocks that a judgement of losses needs: a fifth of a run of 1,000 steps or more
NEWEST = 10  # validations that are kept
SMOOTH = 3  # validations in a mean: a single one is noisy, and the minimum of many noisy ones is too low


@dataclass
class History:
    """Statistics of a run so far; a block is a hundredth of it, but ten steps at least.

    Args:
        losses: Mean training loss of each block, without penalties.
        errors: Standard error of each of them, from the single steps of its block.
        rates: Learning rate at the end of each block, the largest of all parameter groups.
        validations: Epoch, training loss of the blocks then, and validation loss, of the newest validations.
        best: The same three, means over the SMOOTH successive validations with the lowest validation loss.
        since_best: Validations after those.
        gradients: Root mean square of the gradient of each weight matrix, by name, in the most recent samples.
        norms: Norm of all gradients in the most recent samples.
        early: The same in the first steps.
        alive: Which units of a layer were above zero, by layer, in the most recent samples.
        zero: Weight matrices that hold nothing but zeros.
        alike: Weight matrices whose rows, one for each unit, are all the same.
        moved: Distance of the weights from where they began, over their size then; None before it is known.
        baseline: Loss of the best constant prediction; None if that is not known.
        fraction: Part of the run that is done, in [0, 1].
        setup: What advice starts from; not part of the state.
    """

    losses: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    validations: list[list[float]] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    since_best: int = 0
    gradients: dict[str, list[float]] = field(default_factory=dict)
    norms: list[float] = field(default_factory=list)
    early: list[float] = field(default_factory=list)
    alive: dict[str, list[list[bool]]] = field(default_factory=dict)
    zero: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    moved: float | None = None
    baseline: float | None = None
    fraction: float = 0.0
    setup: Setup = field(default_factory=Setup)

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "History":
        """Return the history in a checkpoint; entries that are missing or unknown do no harm."""
        names = {part.name for part in fields(cls)} - {"setup"}
        values = {"fraction": state.get("share", 0.0), **state}  # its name in earlier versions
        history = cls(**{name: value for name, value in values.items() if name in names})
        if history.validations and not history.best:
            history.best = min(history.validations, key=lambda row: row[2])
        return history

    def state(self) -> dict[str, Any]:
        """Return everything as plain values, not copied: a checkpoint is written at once."""
        return {name: value for name, value in vars(self).items() if name != "setup"}

    @property
    def scale(self) -> float:
        """What a loss is compared with: the baseline, else the loss at the start."""
        return self.baseline if self.baseline is not None else abs(self.losses[0]) if self.losses else 1.0

    def recent_loss(self) -> float | None:
        """Return the mean training loss of the last blocks."""
        return statistics.fmean(self.losses[-5:]) if self.losses else None

    def add_gradients(self, names: Sequence[str], sizes: Sequence[float], total: float) -> None:
        """Add a sample of gradients."""
        for name, size in zip(names, sizes, strict=True):
            self.gradients[name] = [*self.gradients.get(name, []), size][-RECENT:]
        self.norms = [*self.norms, total][-RECENT:]

    def add_activity(self, layer: str, active: list[bool]) -> None:
        """Add which units of a layer were above zero for any sample of a batch."""
        samples = [sample for sample in self.alive.get(layer, []) if len(sample) == len(active)]
        self.alive[layer] = [*samples, active][-RECENT:]

    def add_validation(self, epoch: int, train: float, loss: float) -> None:
        """Add a validation; of those that are no longer recent, only the best mean is kept."""
        self.validations = [*self.validations, [epoch, train, loss]][-NEWEST:]
        smooth = self.newest_validation()
        self.since_best += 1
        if not self.best or len(self.validations) <= SMOOTH or smooth[2] < self.best[2]:
            self.best, self.since_best = smooth, 0

    def after_best(self) -> list[float]:
        """Return the recent ones of the validation losses after the middle of the best."""
        return [row[2] for row in self.validations[-1 - self.since_best :]]

    def validation_noise(self) -> float:
        """Return how much a validation loss typically deviates from a line through its neighbours, 0 if unknown."""
        losses = [row[2] for row in self.validations]
        triples = zip(losses, losses[1:], losses[2:], strict=False)
        return statistics.median([abs(before - 2 * middle + after) for before, middle, after in triples] or [0.0])

    def newest_validation(self) -> list[float]:
        """Return epoch, training loss and validation loss, means over the last SMOOTH validations."""
        return [statistics.fmean(column) for column in zip(*self.validations[-SMOOTH:], strict=True)]

    def typical_gradients(self) -> dict[str, float]:
        """Return the median of each weight matrix's gradients, {} before there are enough samples."""
        if len(self.norms) < RECENT:
            return {}
        return {name: statistics.median(sizes) for name, sizes in self.gradients.items() if len(sizes) == RECENT}

    def dead_fractions(self) -> dict[str, float]:
        """Return the fraction of units of each layer that were never above zero, {} before there are enough samples."""
        return {
            layer: 1 - sum(map(any, zip(*samples, strict=True))) / len(samples[0])
            for layer, samples in self.alive.items()
            if len(samples) == RECENT and samples[0]
        }
