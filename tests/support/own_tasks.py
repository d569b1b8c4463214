"""Tasks and callbacks that do something of their own in a step, which both loops must do alike."""

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from app.tasks import Regression

Batch = tuple[Tensor, Tensor]


class Logs(Regression):
    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        assert isinstance(loss, Tensor)
        self.log("own/step", loss, on_step=True, on_epoch=False)
        self.log("own/both", loss, on_step=True, on_epoch=True)
        return loss


class Returns(Regression):
    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        return {"loss": super().training_step(batch, batch_idx), "index": batch_idx}


class Skips(Regression):
    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        assert isinstance(loss, Tensor)
        return {"loss": loss} if batch_idx == 0 else loss * (batch_idx % 3)


class Hooks(Regression):
    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        halve(self)


class Clips(Regression):
    def configure_gradient_clipping(self, optimizer: Optimizer, *values: Any, **named: Any) -> None:
        halve(self)


class NoIndex(Regression):
    def training_step(self, batch: Batch) -> Any:  # type: ignore[override]  # Lightning allows it
        return super().training_step(batch, 0)


class Joins(Callback):
    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *values: Any) -> None:
        if trainer.global_step == 3:
            *_, last = [layer for layer in pl_module.network.layers if hasattr(layer, "weight")]
            [group] = trainer.optimizers[0].param_groups
            group["params"] = [p for p in group["params"] if p is not last.weight]
            trainer.optimizers[0].add_param_group({"params": [last.weight], "lr": 0.1})
            trainer.accumulate_grad_batches = 2


class Everything(Callback):
    def __init__(self) -> None:
        self.called: list[tuple[Any, ...]] = []

    def on_train_end(self, trainer: Any, pl_module: LightningModule) -> None:
        trainer.called = self.called


def halve(task: LightningModule) -> None:
    for parameter in task.parameters():
        assert parameter.grad is not None
        parameter.grad *= 0.5


def keep(name: str) -> Callable[..., None]:
    """Return a hook that writes down where training stands when it is called."""

    def hook(self: Everything, trainer: Any, task: Any, *values: Any) -> None:
        where = trainer.global_step, trainer.fit_loop.total_batch_idx, trainer.is_last_batch, task._current_fx_name
        gradients = [float(p.grad.sum()) for p in task.parameters() if p.grad is not None]
        self.called.append((name, *where, gradients))
        if name == "on_train_batch_end":
            task.log("own/called", float(len(self.called)), on_step=True)

    return hook


for each in (
    *("on_train_batch_start", "on_before_zero_grad", "on_before_backward", "on_after_backward"),
    *("on_before_optimizer_step", "on_train_batch_end"),
):
    setattr(Everything, each, keep(each))
