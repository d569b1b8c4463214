"""Base of the tasks: training, validation and test steps, logging, standardization and optimizers."""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric, MetricCollection

from engine.data.loader import batches
from engine.errors import UsageError, check_range, is_refusal
from engine.training import schedules
from engine.training.epoch import Mean, load_metrics_state, metrics_state, seed_epoch, shard_weight
from engine.training.trial import try_out

Batch = Tensor | Sequence[Any]
Columns = dict[str, Tensor | Sequence[Any]]


class SupervisedTask(LightningModule, ABC):
    """Learns targets from inputs; a subclass adds its loss, its metrics and how it presents a prediction.

    A batch is `(inputs, targets)`; in `predict` also `inputs` alone or `(inputs, targets or None, index)`. Inputs and
    targets are raw: whatever standardization a task needs is a buffer of the task, set when fitting starts.

    Args:
        network: Maps standardized inputs to what the loss takes.
        optimizer: Class of torch.optim with its arguments.
        lr_scheduler: Class of torch.optim.lr_scheduler with its arguments; stepped as often as it is made for.
        l1: Weight of the sum of absolute weights of the network in the loss that is minimized.
        compile: Compile the network with torch.compile.
        train_metrics: Log the metrics of training batches too, as they are while the weights change.
        metrics: Computed on validation and test predictions, by name.
    """

    exports: ClassVar[str] = "predicted"  # name of what an exported model gives; "probabilities" are those of classes

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        lr_scheduler: LRSchedulerCallable | None = None,
        l1: float = 0.0,
        compile: bool = False,
        train_metrics: bool = False,
        *,
        metrics: MetricCollection,
    ) -> None:
        super().__init__()
        check_range("l1", l1, 0)
        with warnings.catch_warnings():
            # Lightning advises to leave networks out; the command line saves their class path, which rebuilds them.
            warnings.filterwarnings("ignore", message="Attribute '.*' is an instance of `nn.Module`")
            self.save_hyperparameters(ignore=["metrics"])
        self.network = network
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.l1 = l1
        if compile:
            self.network.compile()  # in place: the names in a checkpoint stay
        self.train_metrics = metrics.clone(prefix="train/") if train_metrics else None
        self.val_metrics = metrics.clone(prefix="val/")
        self.test_metrics = metrics.clone(prefix="test/")
        # Lightning's own mean rounds numbers of samples when it sums them up over processes. NaN is to remain NaN, and
        # with nan_strategy="disable" torchmetrics ignores the weights.
        self.val_loss = MeanMetric(nan_strategy=math.nan)
        self.test_loss = MeanMetric(nan_strategy=math.nan)
        self._train_loss = Mean()

    def fit_statistics(self, data: Any) -> None:  # not every task standardizes
        """Set the standardization from the training loader or data set, unless a checkpoint has set it."""

    def outputs(self, inputs: Tensor) -> Tensor:
        """Return what the loss takes, from raw inputs: by default what the network gives."""
        outputs: Tensor = self.network(inputs)
        return outputs

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return what the metrics take, in original units: by default the outputs."""
        return outputs

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss, a scalar."""

    @abstractmethod
    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return the columns of the table of predictions, each with one entry a sample."""

    def constant_loss(self, targets: Tensor) -> float | None:  # not every loss has one that is known
        """Return the lowest loss of a prediction that is always the same, a measure of what there is to learn."""
        return None

    def exported(self, inputs: Tensor) -> Tensor:
        """Return what an exported model gives for raw inputs, (B, ...): by default the predictions."""
        return self(inputs)  # type: ignore[no-any-return]

    def outputs_of(self, exported: Tensor) -> Tensor:
        """Return outputs, as loss and metrics take them, from what an exported model gives."""
        return exported

    def forward(self, inputs: Tensor) -> Tensor:
        """Map raw inputs to predictions in original units."""
        return self.predictions(self.outputs(inputs))

    def configure_model(self) -> None:
        """Shard the weights over the processes, where the strategy is ModelParallelStrategy (FSDP)."""
        if self.device_mesh is not None:
            from torch.distributed.fsdp import fully_shard  # only here: it takes its time

            fully_shard(self.network, mesh=self.device_mesh["data_parallel"], reshard_after_forward=True)

    def on_fit_start(self) -> None:
        """Set the standardization from the training split, and see that network and data fit together."""
        self._seed = torch.initial_seed()
        loader = self.data.train_dataloader()
        self.fit_statistics(loader)
        try_out(self, self.data, list(next(batches(loader, size=2))))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the running sums of an epoch that may be resumed."""
        checkpoint["train_loss"] = self._train_loss.state_dict()
        checkpoint["train_metrics"] = metrics_state(self.train_metrics)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the running sums; a new epoch resets them."""
        if "train_loss" in checkpoint:
            self._train_loss.load_state_dict(checkpoint["train_loss"])
        load_metrics_state(self.train_metrics, checkpoint.get("train_metrics", {}), self.device)

    def on_train_start(self) -> None:
        """Move the running sums to the device of the losses."""
        self._train_loss.to(self.device)

    def on_train_epoch_start(self) -> None:
        """Begin the running sums, and the random numbers of the epoch: dropout, augmentation."""
        seed_epoch(self, self._seed)
        self._train_loss = Mean(self.device)
        if self.train_metrics is not None:
            self.train_metrics.reset()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor | dict[str, Tensor]:
        """Return the loss of a batch; Lightning calls backward() and the optimizer on it.

        With an L1 penalty, what is minimized is {"loss": loss + penalty, "penalty": penalty}.
        """
        inputs, targets = batch
        outputs = self.outputs(inputs)
        loss = self._mean_loss(outputs, targets)
        if self.train_metrics is not None and len(targets):
            self.train_metrics.update(self.predictions(outputs.detach()), targets)
        # Summed here and logged once an epoch: self.log in every step costs as much as the step of a small network.
        self._train_loss.add(loss.detach(), len(targets))
        if self.trainer.world_size > 1:
            loss = loss * shard_weight(self.trainer, batch_idx)
        if not self.l1:
            return loss
        penalty = self.l1 * torch.stack([weight.abs().sum() for weight in self.network.parameters()]).sum()
        return {"loss": loss + penalty, "penalty": penalty.detach()}

    def on_train_epoch_end(self) -> None:
        """Log the mean training loss of the epoch, over the samples of all processes, without a penalty."""
        self.log("train/loss", self._train_loss.mean(self.trainer), sync_dist=True)
        if self.train_metrics is not None:
            self.log_dict(self.train_metrics.compute(), sync_dist=True)  # equal in all processes by now

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Log loss and metrics of a batch of the validation split; return its predictions."""
        return self._evaluate("val", batch, self.val_loss, self.val_metrics)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Log loss and metrics of a batch of the test split; return its predictions."""
        return self._evaluate("test", batch, self.test_loss, self.test_metrics)

    def predict_step(self, batch: Batch, batch_idx: int) -> Columns:
        """Return the rows of the table of predictions for a batch."""
        parts = [batch] if isinstance(batch, Tensor) else batch
        inputs, targets, index = [*parts, None, None][:3]
        return self.columns(inputs, targets, index)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer and, if there is one, the scheduler."""
        try:
            optimizer = fused(self.optimizer(self.parameters()))
            if self.lr_scheduler is None:
                return optimizer
            scheduler = schedules.build(self.lr_scheduler, optimizer, self.trainer)
        except ValueError as error:
            if not is_refusal(error):
                raise
            raise UsageError(f"the optimizer or scheduler cannot be built: {error}") from error
        plateau = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": schedules.interval(type(scheduler)),
                "monitor": getattr(scheduler, "monitor", "val/loss"),
                # One that monitors a metric is stepped when there is a new value.
                "frequency": self.trainer.check_val_every_n_epoch or 1 if plateau else 1,
            },
        }

    @property
    def data(self) -> Any:
        """The data module that the task runs with; None outside of a Trainer, where a loaded task works too."""
        return getattr(getattr(self, "trainer", None), "datamodule", None)

    @property
    def trainer(self) -> Trainer:
        """The Trainer; outside of one an AttributeError, so that torch.jit.trace, which tries all names, works."""
        try:
            return super().trainer
        except RuntimeError as error:
            raise AttributeError(str(error)) from error

    @trainer.setter
    def trainer(self, trainer: Trainer | None) -> None:
        LightningModule.trainer.fset(self, trainer)  # type: ignore[attr-defined]  # a property

    def _evaluate(
        self, stage: str, batch: tuple[Tensor, Tensor], mean: MeanMetric, metrics: MetricCollection
    ) -> Tensor:
        inputs, targets = batch
        outputs = self.outputs(inputs)
        predictions = self.predictions(outputs)
        mean.update(self._mean_loss(outputs, targets), len(targets))
        if len(targets):
            metrics.update(predictions, targets)
        self.log(f"{stage}/loss", mean, on_step=False, on_epoch=True, batch_size=len(targets))
        self.log_dict(metrics, on_step=False, on_epoch=True, batch_size=len(targets))
        return predictions

    def _mean_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss; of an empty batch, which one of several processes may get, 0 with gradients of 0."""
        return self.loss(outputs, targets) if len(targets) else outputs.sum() * 0


def fused(optimizer: Optimizer) -> Optimizer:
    """Have an optimizer update all parameters in one call, where it can and its settings leave the choice open.

    PyTorch's default is a loop over parameters in Python. Both compute the same; they round differently.
    """
    choice = optimizer.defaults
    if choice.get("fused", True) is None and not any(choice.get(name) for name in ("foreach", "differentiable")):
        for group in optimizer.param_groups:
            group["fused"] = True
    return optimizer
