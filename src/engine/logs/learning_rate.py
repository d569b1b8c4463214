"""Learning rates of a run as a curve."""

import math
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer

from engine.logs.run_logger import logged_step

POINTS = 200  # single steps that are logged in a run at most, beside the last of each epoch


# Lightning's LearningRateMonitor has a hook that is called in every step, whatever the schedule, and logs no last step.
class LearningRate(Callback):
    """Logs the learning rate of each epoch; of a schedule that changes it every batch, that of single steps as well.

    It is named `learning_rate`, for further groups of parameters `learning_rate/1`...; where there are several
    optimizers, `learning_rate/Adam`, `learning_rate/SGD`, a second one of the same class `learning_rate/Adam-1`. That
    of an epoch is the one that its last step was taken with.
    """

    def __init__(self) -> None:
        self._rates: dict[str, float] = {}
        self._every = 1
        self._logged = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See whether the rates change within epochs."""
        configs = trainer.lr_scheduler_configs
        if any(config.interval == "step" for config in configs) or (configs and not pl_module.automatic_optimization):
            try:
                steps = float(trainer.estimated_stepping_batches)
            except MisconfigurationException:  # a callback changes how many batches a step takes
                steps = math.inf
            self._every = max(1, math.ceil(steps / POINTS)) if math.isfinite(steps) else 50
            # Only here, for a hook that is overridden is called in every step of every run.
            self.on_train_batch_start = self._note_step  # type: ignore[method-assign]

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the rates of the epoch: a schedule changes them before the epoch ends."""
        self._rates = rates(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the rates at the last step of the epoch, as its metrics are."""
        self._log(trainer, logged_step(trainer) - 1)
        trainer.callback_metrics.update({name: torch.tensor(rate) for name, rate in self._rates.items()})

    def state_dict(self) -> dict[str, Any]:
        """Return the rates of the epoch, which a schedule may have changed since, and the step they were logged at."""
        return {"rates": self._rates, "logged": self._logged}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the epoch of a checkpoint."""
        self._rates, self._logged = state_dict["rates"], state_dict["logged"]

    def _note_step(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note the rates that a step is taken with, and log those of every n-th step."""
        self._rates = rates(trainer)
        step = logged_step(trainer)
        if step % self._every == 0:
            self._log(trainer, step)

    def _log(self, trainer: Trainer, step: int) -> None:
        if step != self._logged:  # accumulated batches share a step
            self._logged = step
            for logger in trainer.loggers:
                logger.log_metrics(self._rates, step=step)


def rates(trainer: Trainer) -> dict[str, float]:
    """Return the learning rate of each group of parameters, by the name that it is logged with."""
    found: dict[str, float] = {}
    kinds = [type(optimizer).__name__ for optimizer in trainer.optimizers]
    for index, (kind, optimizer) in enumerate(zip(kinds, trainer.optimizers, strict=True)):
        twin = kinds[:index].count(kind)
        name = (
            "learning_rate" if len(kinds) == 1 else f"learning_rate/{kind}-{twin}" if twin else f"learning_rate/{kind}"
        )
        for number, group in enumerate(optimizer.param_groups):
            if "lr" in group:  # an optimizer of one's own may have none
                found[f"{name}/{number}" if number else name] = float(group["lr"])
    return found
