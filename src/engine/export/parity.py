"""Parity of an exported model with its module: all samples of a split, in batches of several sizes, and metrics."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from engine.errors import CommandError, UsageError
from engine.export.surface import Surface

SIZES = (1, 2, 7)  # batches beside those of the loader: a single sample, the fewest, an odd number
LIMIT = 1000  # samples that are given in each of these sizes: one by one, a large network takes its time


class Recorder(Callback):
    """Takes part in a test: `call` stands in for a module's method, and `inputs` are the first that it was given.

    Args:
        surface: The module as it leaves.
    """

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        self.inputs: Tensor | None = None
        self.in_place = surface.invertible  # and whether the steps of the test call the method
        self._in_batch = self._called = False

    def call(self, method: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
        """Return what the method returns.

        Raises:
            UsageError: If it takes more or something else than a tensor.
        """
        if self._in_batch and (named or len(inputs) != 1 or not isinstance(inputs[0], Tensor)):
            what = ", ".join(type(value).__name__ for value in (*inputs, *named.values()))
            name = f"{type(self.surface.module).__name__}.{self.surface.method}"
            raise UsageError(f"{name} takes {what}: an exported model takes one tensor (batch, ...)")
        if self._in_batch and self.inputs is None:
            self.inputs = inputs[0].detach().cpu()
        self._called = True
        return method(*inputs, **named)

    def on_test_batch_start(self, *_: Any, **__: Any) -> None:
        """Expect a call."""
        self._in_batch, self._called = True, False

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any, **__: Any
    ) -> None:
        """Call the method with the first tensor of the batch, where the step did not."""
        if not self._called:
            self.in_place = False
            with torch.no_grad():
                getattr(pl_module, self.surface.method)(first_tensor(batch))
        self._in_batch = False

    on_validation_batch_start = on_test_batch_start
    on_validation_batch_end = on_test_batch_end


class Parity(Recorder):
    """Puts an exported model in the place of a module's method while it is tested, and compares them on the way.

    The metrics of the test are those of the exported model then, computed by the module's own steps.

    Args:
        surface: The module as it leaves.
        run: Runs the exported model on a batch.
        example: Inputs of the module, of the kind that the exported model takes.
    """

    def __init__(self, surface: Surface, run: Callable[[Any], Any], example: Tensor) -> None:
        super().__init__(surface)
        self.run = run
        self.example = example
        self.differences = Differences(labels=surface.name == "probabilities")
        self.sizes: set[int] = set()
        self._tried = dict.fromkeys(SIZES, 0)
        self._inside = False

    def call(self, method: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
        """Return what the exported model gives for the same inputs, in the method's own terms."""
        if self._inside or not self._takes(*inputs, **named):
            if self._in_batch and not self._inside:
                self._refuse(*inputs)
            return method(*inputs, **named)
        [given] = inputs
        self._called = True
        expected, found = self._expected(given), self._run(given)
        if self._in_batch:
            self._compare(given, expected, found)
        return self.surface.inverse(found.to(expected.device), method, given)

    def check(self, tolerance: float, split: str) -> None:
        """See that the exported model agrees.

        Raises:
            CommandError: If it does not, in one or two lines.
        """
        found = self.differences
        if found.samples == 0:
            raise CommandError(f"no sample of the {split} split could be compared: {split}_step takes other inputs")
        where = f"at most in {found.worst} of the {split} split"
        if not found.largest <= tolerance:
            unit = "" if found.labels else f" standard deviations of the prediction, {found.in_units:.3g} in its units"
            raise CommandError(
                f"the exported model differs by {found.largest:.3g}{unit}, {where}: the tolerance is {tolerance:g}.\n"
                "Does forward decide by values or the number of samples, draw random numbers, or remember a call?"
            )
        if found.margin >= tolerance:
            raise CommandError(f"the exported model gives another label, by a margin of {found.margin:.3g}")

    def _takes(self, *inputs: Any, **named: Any) -> bool:
        if named or len(inputs) != 1 or not isinstance(inputs[0], Tensor) or not len(inputs[0]):
            return False
        return inputs[0].dtype == self.example.dtype and inputs[0].shape[1:] == self.example.shape[1:]

    def _refuse(self, *inputs: Any) -> None:
        """Refuse inputs of a step that the exported model does not take; a batch without samples is passed over."""
        if len(inputs) == 1 and isinstance(inputs[0], Tensor) and len(inputs[0]):
            shapes = " and ".join(f"{tuple(given.shape[1:])} of {given.dtype}" for given in (self.example, inputs[0]))
            raise UsageError(f"the network is given samples of several kinds: {shapes}; an exported model takes one")

    def _expected(self, inputs: Tensor) -> Tensor:
        """Run the network itself."""
        self._inside = True
        try:
            return self.surface.values(inputs)
        finally:
            self._inside = False

    def _run(self, inputs: Tensor) -> Tensor:
        """Run the exported model on inputs of the module.

        Raises:
            CommandError: If it fails.
        """
        try:
            return torch.from_numpy(self.run(self.surface.outside(inputs).numpy()))
        except Exception as error:  # of onnxruntime: its classes are private
            reason = str(error).splitlines()[0]
            raise CommandError(f"the exported model fails in a batch of {len(inputs)}: {reason}") from error

    def _compare(self, inputs: Tensor, expected: Tensor, found: Tensor) -> None:
        start = self.differences.samples
        for size in SIZES:
            for first in range(0, len(inputs) - size + 1, size):
                if self._tried[size] >= LIMIT:
                    break
                self._tried[size] += size
                self.sizes.add(size)
                part = inputs[first : first + size]
                self.differences.widen(self._expected(part), self._run(part), start + first)
        self.sizes.add(len(inputs))
        self.differences.add(expected, found)


class Differences:
    """Differences of outputs: probabilities as they are, numbers in standard deviations of the prediction.

    Args:
        labels: Whether outputs are probabilities, of which the largest is a label.
    """

    def __init__(self, labels: bool) -> None:
        self.labels = labels
        self.samples = self.disagreements = 0
        self.margin = 0.0  # the largest between the two best probabilities, where the labels disagree
        self.worst = ""  # sample and batch with the largest difference
        self._largest = torch.zeros(1).double()
        self._sums = torch.zeros(3, 1).double()  # of differences, of predictions and of their squares
        self._origin: Tensor | None = None  # the first prediction: squares around it keep the small digits

    def add(self, expected: Tensor, found: Tensor) -> None:
        """Compare the outputs of a batch of the loader."""
        self.disagreements += self.widen(expected, found, self.samples)
        expected, found = matrix(expected), matrix(found)
        self._origin = expected[:1] if self._origin is None else self._origin
        values = expected - self._origin
        self._sums = self._sums + torch.stack([apart(expected, found).sum(0), values.sum(0), values.square().sum(0)])
        self.samples += len(expected)

    def widen(self, expected: Tensor, found: Tensor, start: int) -> int:
        """Compare outputs, from sample `start` on, by the largest difference alone; return how many labels disagree."""
        if expected.shape != found.shape:
            what = f"{tuple(found.shape)} where the network gives {tuple(expected.shape)}"
            raise CommandError(f"the exported model gives {what}: is its number of samples a constant in forward?")
        count, expected, found = len(expected), matrix(expected), matrix(found)
        difference = apart(expected, found)
        if difference.max() > self._largest.max():
            row = int(difference.amax(1).argmax()) * count // len(difference)
            self.worst = f"sample {start + row} in a batch of {count}"
        self._largest = torch.maximum(self._largest, difference.amax(0))
        if not self.labels:
            return 0
        other = expected.argmax(1) != found.argmax(1)
        if other.any():
            best, second = expected[other].topk(2).values.unbind(1)
            self.margin = max(self.margin, float((best - second).max()))
        return int(other.sum())

    @property
    def scale(self) -> Tensor:
        """What differences are divided by: each column's standard deviation; where that is 0, its size."""
        if self.labels or self._origin is None:
            return torch.ones(1).double()
        _, mean, squares = self._sums / self.samples
        deviation = (squares - mean.square()).clamp_min(0).sqrt()
        size = self._origin[0].abs()
        return torch.where(deviation > 0, deviation, torch.where(size > 0, size, 1.0))

    @property
    def largest(self) -> float:
        """Largest difference in all batches."""
        return float((self._largest / self.scale).max())

    @property
    def mean(self) -> float:
        """Mean difference in the batches of the loader."""
        return float((self._sums[0] / self.samples / self.scale).mean())

    @property
    def in_units(self) -> float:
        """Largest difference in the units of the prediction."""
        return float(self._largest.max())


def matrix(values: Tensor) -> Tensor:
    """Return outputs (B, ...) as (B, columns); the numbers of those with more dimensions share one column."""
    values = values.detach().cpu().double()
    return values if values.ndim == 2 else values.reshape(-1, 1)


def apart(expected: Tensor, found: Tensor) -> Tensor:
    """Return absolute differences: 0 where both are the same infinity or NaN, infinite where one alone is NaN."""
    same = (expected == found) | (expected.isnan() & found.isnan())
    return torch.where(same, 0, (expected - found).abs().nan_to_num(torch.inf, torch.inf))


def first_tensor(batch: Any) -> Any:
    """Return the first tensor in a batch, None if there is none."""
    found: list[Tensor] = []
    apply_to_collection(batch, Tensor, found.append)
    return found[0] if found else None
