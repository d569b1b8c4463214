"""Advice that starts from what a run has: its own options, layers and schedule."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import nn

SATURATING = (nn.Sigmoid, nn.Tanh, nn.Softsign, nn.Hardtanh)
# What modules of their own call an argument.
OWN = {
    "lr": ("lr", "learning_rate"),
    "weight_decay": ("weight_decay",),
    "width": ("hidden_features", "hidden", "hidden_size", "hidden_dim", "width", "channels"),
}
NORMALIZING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True)
class Setup:
    """What a run has, and what can be changed in it.

    Args:
        options: Arguments of the task, as the command line gave them; {} where it was built otherwise.
        arguments: Names of the arguments that its constructor takes.
        saturating: Names of the saturating activations of the network.
        normalized: There are normalization layers.
        clipped: Gradients are clipped.
        max_epochs: Epochs that the run is to have, if they are limited.
        manual: The task takes its optimizer steps itself; the Trainer then clips nothing.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    saturating: tuple[str, ...] = ()
    normalized: bool = False
    clipped: bool = False
    max_epochs: int = -1
    manual: bool = False

    @classmethod
    def of(cls, trainer: Trainer, task: LightningModule) -> "Setup":
        """Return the setup of a run."""
        layers = list(task.modules())
        return cls(
            options=dict(task.hparams),
            arguments=tuple(inspect.signature(type(task)).parameters),
            saturating=tuple({type(layer).__name__: None for layer in layers if isinstance(layer, SATURATING)}),
            normalized=any(isinstance(layer, NORMALIZING) for layer in layers),
            clipped=bool(trainer.gradient_clip_val),
            max_epochs=trainer.max_epochs or -1,
            manual=not task.automatic_optimization,
        )

    def rate(self, value: float) -> str:
        """Return how to set the learning rate."""
        return self.set("optimizer", "lr", short(value), f"a learning rate of {short(value)}")

    def set(self, part: str, option: str, value: str, words: str) -> str:
        """Return the setting of an option of network or optimizer, or words where the command line has no such one."""
        if option in self._arguments(part):
            return f"--model.{part}.{option} {value}"
        own = [name for name in OWN.get(option, ()) if name in self.arguments]
        return f"--model.{own[0]} {value}" if own else words

    def constant_rate(self) -> str:
        """Return how to leave the schedule out."""
        return "--model.lr_scheduler null" if "lr_scheduler" in self.options else "a constant learning rate"

    def decay(self) -> str:
        """Return how to penalize large weights, or more than now."""
        now = self._arguments("optimizer").get("weight_decay") or self.options.get("weight_decay") or 0.0
        return self.set("optimizer", "weight_decay", short(max(10 * now, 1e-2)), "weight decay")

    def larger(self) -> str:
        """Return how to get a larger network: each width is twice what it is."""
        arguments = self._arguments("network")
        for option in ("channels", "hidden_features", "hidden"):
            if option in arguments:
                return f"--model.network.{option} {_doubled(arguments[option])}"
        for option in OWN["width"]:
            if isinstance(self.options.get(option), int) and option in self.arguments:
                return f"--model.{option} {_doubled(self.options[option])}"
        return "a wider or deeper network"

    def clip(self) -> str:
        """Return how to bound the length of a step."""
        if self.manual:
            return "self.clip_gradients in the training step"
        return "a smaller --trainer.gradient_clip_val" if self.clipped else "--trainer.gradient_clip_val 1"

    def longer(self) -> str:
        """Return how to train longer."""
        return f"--trainer.max_epochs {2 * self.max_epochs}" if self.max_epochs > 0 else "more steps"

    def _arguments(self, part: str) -> Mapping[str, Any]:
        found = self.options.get(part)
        arguments = found.get("init_args", {}) if isinstance(found, Mapping) else {}
        return arguments if isinstance(arguments, Mapping) else {}


def either(*ways: str) -> str:
    """Return several ways, joined."""
    return ", or ".join(ways)


def short(value: float) -> str:
    """Return a number as it is typed: 1e-4, 0.01, 30."""
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e+") if value < 5e-3 else f"{value:.1g}"


def named(names: Sequence[str], most: int = 3) -> str:
    """Return the first of many names."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _doubled(widths: Any) -> str:
    if isinstance(widths, int):
        return str(2 * widths)
    return "[" + ",".join(str(2 * width) for width in widths or [32, 32]) + "]"
