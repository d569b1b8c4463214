"""Watches a training for what a tutor would point out."""

import math
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.optim import Optimizer

from engine import console
from engine.diagnosis import SYMPTOMS, Finding, History, Limits, Symptom, both_high, overfitting
from engine.errors import DivergedError
from engine.task import SupervisedTask

BLOCKS = 100  # of a run; each ends with a look at gradients and activations, so that a hundred steps pay for it
LEAST = 10  # steps in a block: the mean of fewer is mostly noise
SAMPLE = 1000  # values of each parameter that say how far it has moved
TARGETS = 20  # batches that say how well a constant prediction would do


class Diagnosis(Callback):
    """Says once what goes wrong, with its evidence and what to try, and ends with a summary.

    It adds up the losses of single steps, and looks at gradients, learning rate and active units a hundred times in a
    run; it never passes over the data itself.

    Args:
        limits: From where on something is worth pointing out.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        """Start knowing nothing."""
        self.limits = limits
        self.known = History()
        self.findings: list[Finding] = []
        self._block = LEAST
        self._total = 0.0
        self._batches = 0
        self._in_block = 0
        self._sum: Tensor | None = None
        self._sampling = False
        self._hooks = ExitStack()
        self._start: list[Tensor] = []
        self._targets: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember where the weights begin."""
        steps = float(trainer.estimated_stepping_batches)
        batches = steps * trainer.accumulate_grad_batches if 0 < steps < math.inf else 100.0 * BLOCKS
        self._block = max(LEAST, math.ceil(batches / BLOCKS))
        self._total = batches
        self._start = [part.to(pl_module.device) for part in self._start] or _samples(pl_module)
        self._targets = [part.to(pl_module.device) for part in self._targets]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Listen to the ReLU layers in the last batch of a block."""
        if self._in_block == self._block - 1:
            self._sampling = True
            self._listen(pl_module)
            if self._batches < TARGETS * self._block and isinstance(pl_module, SupervisedTask):
                self._targets.append(batch[1].detach())
            else:
                self._targets = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Look at the gradients, before they are clipped."""
        if self._sampling:
            self._sampling = False
            graded = [(name, p) for name, p in pl_module.named_parameters() if p.grad is not None]
            norms = torch.stack(torch._foreach_norm([p.grad for _, p in graded if p.grad is not None])).tolist()
            matrices = [
                (name, norm / p.numel() ** 0.5) for (name, p), norm in zip(graded, norms, strict=True) if p.ndim > 1
            ]
            names, sizes = [name for name, _ in matrices], [size for _, size in matrices]
            self.known.add_gradients(names, sizes, math.hypot(*norms))

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Add up the loss; at the end of a block, see what shows."""
        loss = outputs.get("loss") if outputs else None
        if loss is None:  # a task may leave out a step
            return
        self._sum = loss if self._sum is None else self._sum + loss
        self._in_block += 1
        self._batches += 1
        if self._in_block == self._block:
            self._hooks.close()
            self._end_block(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare both splits."""
        loss = trainer.callback_metrics.get("val/loss")
        if loss is not None and self.known.losses and not trainer.sanity_checking:
            recent = self.known.losses[-5:]
            self.known.add_validation(trainer.current_epoch, sum(recent) / len(recent), loss.item())
            self._look(trainer, [overfitting])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Sum up."""
        self._look(trainer)
        if not self.findings:
            found = both_high(self.known, self.limits)
            if found:
                self._say(trainer, found)
        names = ", ".join(finding.name for finding in self.findings)
        self._write(trainer, f"\ndiagnosis: {names}" if names else "\ndiagnosis: healthy, nothing to point out")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Keep what is known of a training that diverged; the error itself is said elsewhere."""
        self._hooks.close()
        if isinstance(exception, DivergedError):
            norms = ", ".join(f"{norm:.2g}" for norm in self.known.norms[-5:]) or "not seen yet"
            advice = "a smaller learning rate, or --trainer.gradient_clip_val 1"
            found = Finding("loss not finite", f"norms of the gradients before: {norms}", advice)
            self.findings.append(found)
            self._text(trainer)

    def facts(self) -> dict[str, Any]:
        """Return the findings for run.json."""
        return {"diagnosis": [f"{found.name}: {found.evidence}" for found in self.findings]}

    def state_dict(self) -> dict[str, Any]:
        """Return what is known and what was said."""
        said = [[finding.name, finding.evidence, finding.advice] for finding in self.findings]
        counts = {"batches": self._batches, "in_block": self._in_block, "sum": self._sum, "start": self._start}
        return {"known": self.known.state(), "said": said, "targets": self._targets, **counts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.known = History(**state_dict["known"])
        self.findings = [Finding(*said) for said in state_dict["said"]]
        self._batches, self._in_block = state_dict["batches"], state_dict["in_block"]
        self._sum, self._start = state_dict["sum"], state_dict["start"]
        self._targets = state_dict.get("targets", [])

    def _end_block(self, trainer: Trainer, task: LightningModule) -> None:
        assert self._sum is not None
        known = self.known
        known.losses.append(self._sum.item() / self._in_block)
        known.rates.append(max(float(group["lr"]) for o in trainer.optimizers for group in o.param_groups))
        known.share = min(1.0, self._batches / self._total)
        matrices = [(name, p) for name, p in task.named_parameters() if p.ndim > 1]
        known.zero = [name for name, p in matrices if not p.any()]
        known.moved = self._moved(task)
        if self._targets and isinstance(task, SupervisedTask):
            known.baseline = task.constant_loss(torch.cat(self._targets))
        self._sum, self._in_block = None, 0
        self._look(trainer)

    def _moved(self, task: LightningModule) -> float:
        size = torch.stack([then.norm() for then in self._start]).norm()
        distances = [(now - then).norm() for now, then in zip(_samples(task), self._start, strict=True)]
        return (torch.stack(distances).norm() / size).item() if size > 0 else math.inf

    def _listen(self, task: LightningModule) -> None:
        def hook(name: str) -> Any:
            def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
                # A unit is a column of (B, units), or a channel of (B, C, H, W).
                self.known.add_activity(name, (output > 0).transpose(0, 1).flatten(1).any(1).tolist())

            return keep

        for name, layer in task.named_modules():
            if isinstance(layer, nn.ReLU):
                self._hooks.callback(layer.register_forward_hook(hook(name)).remove)

    def _look(self, trainer: Trainer, symptoms: Iterable[Symptom] = SYMPTOMS) -> None:
        said = {finding.name for finding in self.findings}
        for symptom in symptoms:
            found = symptom(self.known, self.limits)
            if found and found.name not in said:
                self._say(trainer, found)

    def _say(self, trainer: Trainer, found: Finding) -> None:
        self.findings.append(found)
        self._write(
            trainer, f"diagnosis, epoch {trainer.current_epoch}: {found.name}: {found.evidence}\n  try {found.advice}"
        )

    def _write(self, trainer: Trainer, text: str) -> None:
        if trainer.is_global_zero:
            console.say(text)
            self._text(trainer)

    def _text(self, trainer: Trainer) -> None:
        lines = [f"* **{found.name}**: {found.evidence}. Try `{found.advice}`" for found in self.findings]
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                step = max(trainer.global_step - 1, 0)  # the one that was taken
                logger.experiment.add_text("diagnosis", "\n".join(lines) or "healthy so far", step)


def _samples(task: nn.Module) -> list[Tensor]:
    """Return some values of each parameter."""
    return [p.detach().flatten()[:: 1 + p.numel() // SAMPLE].clone() for p in task.parameters()]
