"""Epochs of training without the time that Lightning spends on hooks that nothing overrides.

It takes the same steps in the same order as Lightning's loop, counts them in the same places and calls the same hooks.
Tried with lightning 2.6.6 and torch 2.15; off by --callbacks.fast_loop null or ENGINE_PATCHES=none. If a new version
renames what is used here, this module fails to import, and Lightning's loop trains.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loops.fetchers import _DataFetcher, _PrefetchDataFetcher
from lightning.pytorch.loops.optimization.automatic import ClosureResult, _AutomaticOptimization
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.plugins.precision import Precision
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from engine.patches import wanted

STEP_HOOKS = (
    *("on_train_batch_start", "on_before_zero_grad", "on_before_backward", "on_after_backward"),
    *("on_before_optimizer_step", "on_train_batch_end"),
)
# What a task or its data may do in a step beside computing the loss; where one does, Lightning's own loop trains.
DATA_HOOKS = ("on_before_batch_transfer", "transfer_batch_to_device")
TASK_HOOKS = (
    *(*STEP_HOOKS, *DATA_HOOKS, "on_after_batch_transfer", "backward", "optimizer_step", "optimizer_zero_grad"),
    *("lr_scheduler_step", "configure_gradient_clipping"),
)


class FastEpochLoop(_TrainingEpochLoop):
    """An epoch of training.

    Callbacks may set state of the loops. Read in every step: max_epochs, max_batches, max_steps, should_stop and
    accumulate_grad_batches. Where another attribute of the loop that optimizes is set, as `_skip_backward` is while
    StochasticWeightAveraging updates batch norm, or a method of it or of the strategy is replaced, Lightning's loop
    trains the epoch.
    """

    _planned_for: tuple[object, ...] = ()

    def on_run_start(self, data_fetcher: _DataFetcher) -> None:
        """Find out what an epoch has to do."""
        super().on_run_start(data_fetcher)
        trainer = self.trainer
        involved = (trainer.lightning_module, trainer.optimizers[0], *trainer.callbacks)
        if involved != self._planned_for:
            self._planned_for = involved
            self._plan()
        loader = data_fetcher.combined_loader
        self._fast = (
            self._plain
            and self._task.automatic_optimization
            and self._is_untouched()
            and type(data_fetcher) is _PrefetchDataFetcher
            and data_fetcher.length is not None
            and len(loader.flattened) == 1
            and loader.iterables is loader.flattened[0]
        )
        self._batches: Iterator[Any] = iter(())
        if self._fast and loader._iterator is not None:
            [self._batches] = loader._iterator.iterators
        within_epochs = trainer.val_check_batch is None or trainer.val_check_batch < trainer.num_training_batches
        steps_schedulers = any(config.interval == "step" for config in trainer.lr_scheduler_configs)
        validates = trainer.check_val_every_n_epoch is None or within_epochs
        self._steps_schedulers = steps_schedulers
        self._pauses = validates or steps_schedulers

    def _is_untouched(self) -> bool:
        """Return whether nothing has changed how a batch is optimized."""
        optimization = self.automatic_optimization
        usual = vars(_AutomaticOptimization(self.trainer)).keys() == vars(optimization).keys()
        replaced = vars(self.trainer.strategy).keys() & {
            "backward",
            "batch_to_device",
            "optimizer_step",
            "training_step",
        }
        return (
            type(optimization) is _AutomaticOptimization and usual and not optimization._skip_backward and not replaced
        )

    def _plan(self) -> None:
        """Decide whether the fast loop can train this, and collect the hooks to call in each step."""
        trainer, data, optimizer = self.trainer, self.trainer.datamodule, self.trainer.optimizers[0]
        self._task = trainer.lightning_module
        self._on_cpu = self._task.device.type == "cpu"
        self._plain = (
            type(trainer.strategy) is SingleDeviceStrategy
            and type(trainer.precision_plugin) is Precision
            and type(trainer.profiler) is PassThroughProfiler
            and type(optimizer).zero_grad is Optimizer.zero_grad
            and takes_index(self._task.training_step)
            and not any(overridden(self._task, name, LightningModule) for name in TASK_HOOKS)
            and not (data and any(overridden(data, name, LightningDataModule) for name in DATA_HOOKS))
        )
        self._hooks = {
            name: [getattr(callback, name) for callback in trainer.callbacks if overridden(callback, name, Callback)]
            for name in STEP_HOOKS
        }
        augments = data and overridden(data, "on_after_batch_transfer", LightningDataModule)
        self._augment: Callable[..., Any] | None = data.on_after_batch_transfer if augments else None

    def advance(self, data_fetcher: _DataFetcher) -> None:
        """Train on batches until something else may be due."""
        if not self._fast or self.restarting:
            super().advance(data_fetcher)
            return
        self._train_batch(data_fetcher)
        while not (self._pauses or self._num_ready_batches_reached() or self.trainer.should_stop):
            if self.max_steps != -1 and self.done:
                break
            if not self._should_accumulate():
                self._batches_that_stepped += 1
            self._train_batch(data_fetcher)

    def _train_batch(self, data_fetcher: _DataFetcher) -> None:
        progress, connector, results = self.batch_progress, self.trainer._logger_connector, self._results
        batch = next(self._batches)
        index = progress.current.ready
        data_fetcher.fetched += 1
        data_fetcher.done = progress.is_last_batch = data_fetcher.fetched == data_fetcher.length
        if not self._on_cpu:
            batch = self._task.transfer_batch_to_device(batch, self._task.device, 0)
        if self._augment:
            batch = self._augment(batch, 0)
        progress.increment_ready()
        connector._first_loop_iter = connector._first_loop_iter is None
        results.batch, results.batch_size = batch, None
        self._call("on_train_batch_start", batch, index)
        progress.increment_started()
        outputs = self._optimize(batch, index)
        progress.increment_processed()
        if self._steps_schedulers:
            self.update_lr_schedulers("step", update_plateau_schedulers=False)
        if self._num_ready_batches_reached():
            self.update_lr_schedulers("epoch", update_plateau_schedulers=False)
        self._call("on_train_batch_end", outputs, batch, index)
        logged = any(item.meta.on_step for item in results.values())
        if logged:
            connector.on_batch_end()
        results.batch = results.batch_size = None
        progress.increment_completed()
        if logged:
            connector.update_train_step_metrics()

    def _optimize(self, batch: Any, index: int) -> dict[str, Any]:
        """Take the step of a batch, or its part of an accumulated one; return what on_train_batch_end is given."""
        trainer, optimizer = self.trainer, self.trainer.optimizers[0]
        counts = self.automatic_optimization.optim_progress.optimizer
        outputs: dict[str, Any] = {}

        def compute() -> Tensor | None:
            loss, rest = self._loss(batch, index)
            if index % trainer.accumulate_grad_batches == 0:
                counts.zero_grad.increment_ready()
                self._call("on_before_zero_grad", optimizer)
                counts.zero_grad.increment_started()
                for group in optimizer.param_groups:
                    for parameter in group["params"]:
                        parameter.grad = None
                counts.zero_grad.increment_completed()
            if loss is None:
                return None
            self._call("on_before_backward", loss)
            loss.backward()
            self._call("on_after_backward")
            outputs.update(rest, loss=loss.detach())
            return loss

        def compute_and_clip() -> Tensor | None:
            with torch.enable_grad():
                loss = compute()
            self._call("on_before_optimizer_step", optimizer)
            if trainer.gradient_clip_val is not None:
                self._task.configure_gradient_clipping(
                    optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm
                )
            return loss

        if self._should_accumulate():
            compute()
        else:
            counts.step.increment_ready()
            unrecorded(optimizer)(compute_and_clip)
            counts.step.increment_completed()
        return outputs

    def _loss(self, batch: Any, index: int) -> tuple[Tensor | None, dict[str, Any]]:
        """Return the loss divided by accumulate_grad_batches, and the step's other outputs."""
        parts = self.trainer.accumulate_grad_batches
        self._task.__dict__["_current_fx_name"] = "training_step"  # past nn.Module, which looks for tensors
        output = self._task.training_step(batch, index)
        self._task.__dict__["_current_fx_name"] = None
        if isinstance(output, Tensor):
            return output / parts if parts > 1 else output, {}
        result = ClosureResult.from_training_step_output(output, parts)
        return result.closure_loss, result.extra

    def _call(self, name: str, *values: Any) -> None:
        """Call a hook of the callbacks that override it."""
        if hooks := self._hooks[name]:
            self._task.__dict__["_current_fx_name"] = name
            for hook in hooks:
                hook(self.trainer, self._task, *values)
            self._task.__dict__["_current_fx_name"] = None


def overridden(thing: object, name: str, base: type) -> bool:
    """Return whether an object has a method that is not that of its base class."""
    method = getattr(thing, name)
    return getattr(method, "__func__", method) is not getattr(base, name)


def takes_index(step: Callable[..., Any]) -> bool:
    """Return whether a training_step takes a batch and its number, and not by name."""
    try:
        inspect.signature(step).bind(None, 0)
    except TypeError:
        return False
    return True


def unrecorded(optimizer: Optimizer) -> Callable[..., Any]:
    """Return the step of an optimizer, without its record for PyTorch's profiler if nothing else hangs on it."""
    step = type(optimizer).step
    if "step" in vars(optimizer) or not hasattr(step, "hooked") or optimizer._optimizer_step_pre_hooks:
        return optimizer.step
    if optimizer._optimizer_step_post_hooks or _global_optimizer_pre_hooks or _global_optimizer_post_hooks:
        return optimizer.step
    return partial(vars(step)["__wrapped__"], optimizer)


def replace(trainer: Trainer) -> None:
    """Put the loop in the place of Lightning's, if that is Lightning's own."""
    loop = trainer.fit_loop.epoch_loop
    if wanted("fast_loop") and type(loop) is _TrainingEpochLoop:
        fast = FastEpochLoop(trainer, loop.min_steps, loop.max_steps)
        fast.val_loop = loop.val_loop  # which has its data by now
        trainer.fit_loop.epoch_loop = fast
