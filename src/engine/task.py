"""What every supervised task does: steps, logging, standardization and optimizers."""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection

from engine import schedules as schedulers
from engine.data.loader import TensorLoader, batches, epoch_seed
from engine.errors import UsageError, check_range
from engine.performance import fused

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
        """Set the standardization from the training split, unless a checkpoint has set it.

        Args:
            data: The training loader, or a data set, of which `batches` yields every sample.
        """

    @abstractmethod
    def outputs(self, inputs: Tensor) -> Tensor:
        """Return what the loss takes, from raw inputs."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss, a scalar."""

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Tensor:
        """Return what the metrics take, in original units."""

    @abstractmethod
    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return the columns of the table of predictions, each with one entry a sample."""

    def constant_loss(self, targets: Tensor) -> float | None:  # not every loss has one that is known
        """Return the lowest loss of a prediction that is always the same, a measure of what there is to learn."""
        return None

    def forward(self, inputs: Tensor) -> Tensor:
        """Map raw inputs to predictions in original units."""
        return self.predictions(self.outputs(inputs))

    def configure_model(self) -> None:
        """Deal the weights out to the processes, where the strategy is ModelParallelStrategy (FSDP)."""
        if self.device_mesh is not None:
            from torch.distributed.fsdp import fully_shard  # only here: it takes its time

            fully_shard(self.network, mesh=self.device_mesh["data_parallel"], reshard_after_forward=True)

    def on_fit_start(self) -> None:
        """Set the standardization and see that network and data fit together, before any time is spent."""
        self._seed = torch.initial_seed()
        loader = self.data.train_dataloader()
        batch = next(batches(loader, size=2))
        shapes = " and ".join(str(tuple(part.shape)) for part in batch)
        modes = {module: module.training for module in self.modules()}
        what = f"the data, inputs and targets {shapes}"
        try:
            batch = [part.to(self.device) for part in batch]
            self.fit_statistics(loader)
            self.eval()
            with torch.no_grad(), torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
                self.loss(self.outputs(batch[0]), batch[1])
                what = "what augmentation makes of the data"
                inputs, targets = self.data.on_after_batch_transfer(batch, 0)
                what += f", inputs {tuple(inputs.shape)}"
                self.loss(self.outputs(inputs), targets)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            message = str(error).splitlines()[0]
            raise UsageError(f"the network does not fit {what}: {message}") from error
        finally:
            for module, training in modes.items():
                module.training = training

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the sums of an epoch that may go on."""
        checkpoint["train_loss"] = {"sum": self._train_loss.total, "samples": self._train_loss.samples}
        if self.train_metrics is not None:
            checkpoint["train_metrics"] = {name: dict(m.metric_state) for name, m in self.train_metrics.items(True)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them over; an epoch that begins starts new ones."""
        sums = checkpoint.get("train_loss", {"sum": torch.zeros(()), "samples": 0})
        self._train_loss.total, self._train_loss.samples = sums["sum"], sums["samples"]
        for name, metric in self.train_metrics.items(True) if self.train_metrics is not None else ():
            for state, value in checkpoint.get("train_metrics", {}).get(name, {}).items():
                setattr(metric, state, value.to(self.device))

    def on_train_start(self) -> None:
        """Put the sums where the losses are."""
        self._train_loss.total = self._train_loss.total.to(self.device)

    def on_train_epoch_start(self) -> None:
        """Begin the sums behind the mean training loss, and the random numbers of the epoch: dropout, augmentation."""
        seed = epoch_seed(self._seed, self.current_epoch, self.global_rank)
        # Not torch.manual_seed: without a GPU it keeps every call, to repeat it should a GPU be used one day.
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        self._train_loss = Mean(self.device)
        if self.train_metrics is not None:
            self.train_metrics.reset()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        inputs, targets = batch
        outputs = self.outputs(inputs)
        loss = self._mean_loss(outputs, targets)
        if self.train_metrics is not None and len(targets):
            self.train_metrics.update(self.predictions(outputs.detach()), targets)
        # Summed here and logged once an epoch: self.log in every step costs as much as the step of a small network.
        self._train_loss.add(loss.detach(), len(targets))
        if self.trainer.world_size > 1 and isinstance(self.trainer.train_dataloader, TensorLoader):
            loss = loss * self.trainer.train_dataloader.weight(batch_idx)
        return loss + self.l1 * self._norm() if self.l1 else loss

    def on_train_epoch_end(self) -> None:
        """Log the mean training loss of the epoch, over the samples of all processes."""
        total, samples = self._train_loss.total, self._train_loss.samples
        if self.trainer.world_size > 1:
            sums = torch.stack([total, torch.tensor(samples).to(total)])
            total, samples = self.trainer.strategy.reduce(sums, reduce_op="sum")
        self.log("train/loss", total / samples, sync_dist=True)
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
        if isinstance(batch, Tensor):
            return self.columns(batch, None, None)
        inputs, targets, index = [*batch, None, None][:3]
        return self.columns(inputs, targets, index)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer and, if there is one, the scheduler."""
        try:
            optimizer = fused(self.optimizer(self.parameters()))
            if self.lr_scheduler is None:
                return optimizer
            scheduler = schedulers.build(self.lr_scheduler, optimizer, self.trainer)
        except ValueError as error:
            raise UsageError(f"the optimizer or scheduler cannot be built: {error}") from error
        plateau = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": schedulers.interval(type(scheduler)),
                "monitor": getattr(scheduler, "monitor", "val/loss"),
                # What watches a metric is stepped when there is a new one.
                "frequency": self.trainer.check_val_every_n_epoch or 1 if plateau else 1,
            },
        }

    def _norm(self) -> Tensor:
        return torch.stack([parameter.abs().sum() for parameter in self.network.parameters()]).sum()

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


class Mean:
    """What the mean of losses over samples is made of, one addition a batch.

    Args:
        device: Where the losses are.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        """Start without samples."""
        self.total = torch.zeros((), device=device)
        self.samples = 0

    def add(self, loss: Tensor, samples: int) -> None:
        """Take in the mean loss of some samples."""
        self.total.add_(loss, alpha=samples)
        self.samples += samples
