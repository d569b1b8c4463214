"""Callback that watches a training for what a tutor would point out."""

import math
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.optim import Optimizer

from engine import console
from engine.diagnosis import AT_END, EXPLAINED_BY, SYMPTOMS, Finding, History, Limits, Symptom
from engine.diagnosis.advice import Setup
from engine.diagnosis.block import Block
from engine.diagnosis.history import MIN_STEPS
from engine.diagnosis.losses import loss_not_finite, overfitting
from engine.diagnosis.measures import distance, gradient_norms, samples, units_active, weight_matrices
from engine.diagnosis.verdict import HEALTHY, verdict
from engine.errors import DivergedError
from engine.task import SupervisedTask
from engine.watcher import Watcher

BLOCKS = 100  # of a run; each ends with a look at gradients and activations, so that a hundred steps pay for it
INITIAL = 3  # blocks after which weights that began equal are no longer looked for
EARLY = 3  # steps at the start whose gradients are looked at too
TARGETS = 20  # batches that say how well a constant prediction would do
# Names that a validation loss is logged by.
VALIDATION_LOSSES = ("val/loss", "val_loss", "valid_loss", "validation_loss", "valid/loss", "validation/loss")


class Diagnosis(Watcher):
    """Reports each finding once, with its evidence and what to try, and ends with a summary.

    It adds up the losses of single steps, and looks at gradients, learning rate and active units a hundred times in a
    run; it never passes over the data itself. A step may return its penalty beside its loss, which contains it:
    {"loss": loss, "penalty": penalty}; it is left out, for validation does not have it.

    Args:
        limits: From where on something is worth pointing out.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        self.limits = limits
        self.history = History()
        self.findings: list[Finding] = []
        self.verdict = ""  # at the end, where nothing was found
        self._block = MIN_STEPS
        self._total = 0.0
        self._epoch = 0
        self._batches = 0
        self._in_block = 0
        self._losses = Block()
        self._unsampled: set[int] = set()  # optimizers whose next step is looked at
        self._hooks = ExitStack()
        self._start: list[Tensor] = []
        self._targets: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember where the weights begin."""
        self._epoch = trainer.current_epoch
        self._total = _batches(trainer)
        self._block = max(MIN_STEPS, math.ceil(self._total / BLOCKS))
        self._start = [part.to(pl_module.device) for part in self._start] or samples(pl_module)
        self._targets = [part.to(pl_module.device) for part in self._targets]
        self.history.setup = Setup.of(trainer, pl_module)
        self.verdict = ""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember which epoch it is: when training ends, Lightning has counted on."""
        self._epoch = trainer.current_epoch

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Listen to the ReLU layers in the last batch of a block."""
        last = self._in_block == self._block - 1
        if last or self._batches < EARLY:
            self._unsampled = {id(optimizer) for optimizer in trainer.optimizers}
        if last:
            self._listen(pl_module)
            if self._batches >= TARGETS * self._block:
                self._targets = []
            elif isinstance(pl_module, SupervisedTask):
                self._targets.append(batch[1].detach())

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Look at the gradients, before they are clipped."""
        if self._unsampled and id(optimizer) in self._unsampled:
            self._unsampled.remove(id(optimizer))
            names, sizes, total = gradient_norms(pl_module, optimizer)
            if self._batches < EARLY:
                self.history.early.append(total)
            else:
                self.history.add_gradients(names, sizes, total)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add up the losses; at the end of a block, see what shows."""
        parts = outputs if isinstance(outputs, dict) else {"loss": outputs}
        loss = parts.get("loss")
        if isinstance(loss, Tensor) and loss.numel() == 1:  # a step may return none
            if trainer.accumulate_grad_batches > 1:  # Lightning has divided by it
                loss = loss * trainer.accumulate_grad_batches
            if isinstance(penalty := parts.get("penalty"), Tensor | float):
                loss = loss - penalty
            self._losses.add(loss)
        self._in_block += 1
        self._batches += 1
        if self._in_block >= self._block:
            self._hooks.close()
            self._end_block(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare both splits."""
        metrics, train = trainer.callback_metrics, self.history.recent_loss()
        loss = next((float(metrics[name]) for name in VALIDATION_LOSSES if name in metrics), None)
        if loss is not None and math.isfinite(loss) and train is not None and not trainer.sanity_checking:
            self.history.add_validation(self._epoch, train, loss)
            self._look(trainer, [overfitting])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Sum up."""
        self.close()
        if not math.isfinite(self._losses.mean_and_error()[0]):
            self._report(trainer, loss_not_finite(self.history))
        self._look(trainer)
        if not self.findings:
            self._look(trainer, AT_END)
        if not self.findings:
            self.verdict = verdict(self.history, self.limits, self._batches, bool(self._losses.count))
        self._write(trainer, f"\ndiagnosis: {', '.join(finding.name for finding in self.findings) or self.verdict}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Keep what is known of a training that diverged; the error itself is shown elsewhere."""
        self.close()
        if isinstance(exception, DivergedError) and all(found.name != "loss not finite" for found in self.findings):
            self.findings.append(loss_not_finite(self.history))
            self._text(trainer)

    def close(self) -> None:
        """Take the hooks off the layers."""
        self._hooks.close()

    def facts(self) -> dict[str, Any]:
        """Return the findings, or why there can be none, for the record of the run."""
        found = [f"{finding.name}: {finding.evidence}" for finding in self.findings]
        if not found and self.verdict and not self.verdict.startswith(HEALTHY):
            found = [self.verdict]
        return {"diagnosis": found}

    def state_dict(self) -> dict[str, Any]:
        """Return the history, and what was reported."""
        return {
            "history": self.history.state(),
            "reported": [[finding.name, finding.evidence, finding.advice] for finding in self.findings],
            "targets": self._targets,
            "start": self._start,
            "batches": self._batches,
            "in_block": self._in_block,
            "verdict": self.verdict,
            **self._losses.state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there; the state may be that of an earlier version, which had other names."""
        state = {"history": state_dict.get("known", {}), "reported": state_dict.get("said", []), **state_dict}
        self.history = History.of(state["history"])
        self.findings = [Finding(*reported) for reported in state["reported"]]
        self.verdict = state.get("verdict", "")
        self._batches, self._in_block = state.get("batches", 0), state.get("in_block", 0)
        self._losses = Block(state)
        self._start, self._targets = state.get("start", []), state.get("targets", [])

    def _end_block(self, trainer: Trainer, task: LightningModule) -> None:
        history, block = self.history, self._losses
        loss, error = block.mean_and_error()
        self._losses, self._in_block = Block(), 0
        if not math.isfinite(loss):
            self._report(trainer, loss_not_finite(self.history))
            return
        if block.count:
            history.losses.append(loss)
            history.errors.append(error)
        rates = [float(group["lr"]) for o in trainer.optimizers for group in o.param_groups if "lr" in group]
        history.rates.extend([max(rates)] if rates else [])
        history.fraction = min(1.0, self._batches / self._total)
        if len(history.losses) <= INITIAL or history.zero or history.alike:
            history.zero, history.alike = weight_matrices(task)
        self._start = self._start or samples(task)  # layers that took their sizes from the first batch
        history.moved = distance(self._start, samples(task))
        if self._targets and isinstance(task, SupervisedTask):
            history.baseline = task.constant_loss(torch.cat(self._targets))
        self._look(trainer)

    def _listen(self, task: LightningModule) -> None:
        def hook(name: str) -> Any:
            calls: list[str] = []  # a layer may be used several times

            def keep(module: nn.Module, inputs: Any, output: Any) -> None:
                active = units_active(output)
                if active is not None:
                    calls.append(name)
                    self.history.add_activity(name if len(calls) == 1 else f"{name} (call {len(calls)})", active)

            return keep

        for name, layer in task.named_modules():
            if isinstance(layer, nn.ReLU):
                self._hooks.callback(layer.register_forward_hook(self.guarded(hook(name))).remove)

    def _look(self, trainer: Trainer, symptoms: Iterable[Symptom] = SYMPTOMS) -> None:
        for symptom in symptoms:
            found = symptom(self.history, self.limits)
            if found:
                self._report(trainer, found)

    def _report(self, trainer: Trainer, found: Finding) -> None:
        names = {finding.name for finding in self.findings}
        if names & {found.name, *EXPLAINED_BY.get(found.name, ())}:
            return
        self.findings.append(found)
        self._write(trainer, f"diagnosis, epoch {self._epoch}: {found.name}: {found.evidence}\n  try {found.advice}")

    def _write(self, trainer: Trainer, text: str) -> None:
        if trainer.is_global_zero:
            console.say(text)
            self._text(trainer)

    def _text(self, trainer: Trainer) -> None:
        lines = [f"* **{found.name}**: {found.evidence}. Try `{found.advice}`" for found in self.findings]
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                step = max(trainer.global_step - 1, 0)  # the one that was taken
                logger.experiment.add_text(
                    "diagnosis", "\n".join(lines) or self.verdict or "nothing found so far", step
                )


def _batches(trainer: Trainer) -> float:
    """Return how many batches the run is to have, 10,000 if that is open."""
    epochs = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs >= 0 else math.inf
    steps = trainer.max_steps * trainer.accumulate_grad_batches if trainer.max_steps >= 0 else math.inf
    batches = min(epochs * trainer.num_training_batches, steps)
    return float(batches) if 0 < batches < math.inf else 100.0 * BLOCKS
