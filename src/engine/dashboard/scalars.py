"""Curves that metrics alone do not give: loss and norms of single steps, and charts of several curves."""

import re
from collections.abc import Iterable
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer
from torchmetrics import MetricCollection

from engine.dashboard.panel import Panel
from engine.errors import check_range
from engine.logs.metric_names import WORDS, stage, words

STEPS = {
    "loss of single steps": ["Multiline", ["train/loss_step$"]],
    "gradient norm before clipping": ["Multiline", ["train/gradient_norm$"]],
    "weight norm": ["Multiline", ["train/weight_norm$"]],
    "learning rate": ["Multiline", ["^learning_rate"]],
}
RATIO = {"training loss / validation loss": ["Multiline", ["val/loss_ratio$"]]}


class Scalars(Panel):
    """Logs loss, gradient norm and weight norm of single steps, and training over validation loss.

    The gradient norm is that of all parameters together, before clipping; the weight norm is that of all parameters
    before the step. The tab Custom Scalars shows the curves of training and validation on one chart.

    Args:
        every_n_steps: How often a step is logged.
    """

    def __init__(self, every_n_steps: int = 50) -> None:
        super().__init__()
        check_range("every_n_steps", every_n_steps, 1)
        self.every_n_steps = every_n_steps
        self._step = 0
        self._watching = self._validated = False
        self._laid_out = False  # the charts

    def suits(self) -> bool:
        """Return whether there is a TensorBoard to write to."""
        return self.writer is not None and self.stage == "train"

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lay out the charts."""
        super().on_train_start(trainer, pl_module)
        self._watching = self._validated = False
        self._laid_out = trainer.global_step > 0
        if self.shown and isinstance(ours := getattr(pl_module, "val_metrics", None), MetricCollection):
            charts = {"loss": ["Multiline", ["train/loss$", "val/loss$"]]}
            for name in map(str, ours):
                short = name.removeprefix("val/")
                charts[short] = ["Multiline", [f"train/{short}$", f"val/{short}$", f"test/{short}$"]]
            self._lay_out(charts, STEPS | RATIO)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Watch every n-th step: its gradients are complete with the last of the accumulated batches."""
        if self.shown and (step := self.step) % self.every_n_steps == 0:
            self._step = step  # it will have been counted when its loss is known
            self._watching = (batch_idx + 1) % trainer.accumulate_grad_batches == 0 or trainer.is_last_batch

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Log the norms of all gradients and of all weights."""
        if self._watching:
            parameters = list(pl_module.parameters())
            self.scalar("train/gradient_norm", norm([p.grad for p in parameters if p.grad is not None]))
            self.scalar("train/weight_norm", norm([p.detach() for p in parameters]))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log the loss of the batch."""
        if self._watching:
            self._watching = False
            if outputs and "loss" in outputs:  # a task may leave out a step
                self.scalar("train/loss_step", outputs["loss"].item(), self._step)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember that there are new metrics; the training loss of the epoch is known only when the next begins."""
        super().on_validation_epoch_end(trainer, pl_module)
        self._validated = self.shown and not trainer.sanity_checking

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the loss ratio of the epoch before."""
        self._log_ratio()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the loss ratio of the last epoch."""
        self._log_ratio()

    def _lay_out(self, charts: dict[str, Any], steps: dict[str, Any]) -> None:
        if self.writer is not None and not self._laid_out:
            self.writer.add_custom_scalars({"training and validation": charts, "steps": steps})
        self._laid_out = True

    def _log_ratio(self) -> None:
        """Log training over validation loss: below 1, the network does better on what it has seen."""
        if self.shown and not self._laid_out and self.trainer.callback_metrics:
            self._lay_out(charts_of(self.trainer.callback_metrics), STEPS)
        if self._validated:
            self._validated = False
            metrics = self.trainer.callback_metrics
            if "train/loss" in metrics and metrics.get("val/loss", 0) > 0:
                self.scalar("val/loss_ratio", (metrics["train/loss"] / metrics["val/loss"]).item(), self.step - 1)


def charts_of(names: Iterable[str]) -> dict[str, Any]:
    """Return charts for metrics of any name: the stages of what has otherwise the same words are in one."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        if not name.startswith("learning_rate"):
            groups.setdefault(" ".join(word for word in words(name) if not stage(word)), []).append(name)
    return {
        short or group[0]: ["Multiline", [f"^{re.escape(curve)}$" for curve in (*group, *_tested(group))]]
        for short, group in groups.items()
    }


def _tested(group: list[str]) -> list[str]:
    """Return what the metrics of a validation are probably called in a test."""
    said = "|".join(sorted(WORDS["val"], key=len, reverse=True))
    validated = [name for name in group if stage(name) == "val"]
    return [re.sub(rf"(?i)(?<![a-z])({said})(?![a-z])", "test", name) for name in validated]


def norm(tensors: list[Tensor]) -> float:
    """Return the norm of all values of some tensors together."""
    dense = [tensor.coalesce().values() if tensor.is_sparse else tensor for tensor in tensors]
    return torch.nn.utils.get_total_norm(dense).item()
