"""Where inside an epoch a checkpoint is saved, in terms of Lightning's counters, so that a resume goes on there."""

from typing import Any

import torch
from lightning.fabric.utilities.types import _Stateful
from lightning.pytorch import Callback, LightningModule, Trainer

from engine.logs.metrics_file import MetricsFile


def known(trainer: Trainer) -> bool:
    """Say whether training can go on from here: one process, and inside an epoch a loader that can do so too."""
    loader = trainer.fit_loop._combined_loader
    stateful = loader is not None and all(isinstance(part, _Stateful) for part in loader.flattened)
    return trainer.world_size == 1 and (stateful or between_epochs(trainer))


def between_epochs(trainer: Trainer) -> bool:
    """Say whether no epoch has begun that has not ended."""
    counts = trainer.fit_loop.epoch_progress.total.state_dict()
    return bool(counts["processed"] == counts["started"])


def between_steps(trainer: Trainer) -> bool:
    """Say, as a batch ends, whether the optimizer has stepped on it and nothing but the next batch follows."""
    loop = trainer.fit_loop.epoch_loop
    fetcher = trainer.fit_loop._data_fetcher
    return not (
        loop._should_accumulate()
        or loop._is_training_done
        or (fetcher is not None and loop._should_check_val_fx(fetcher))
    )


def correct(state: dict[str, Any], validating: bool) -> None:
    """Change the state of the fit loop so that Lightning takes a checkpoint for what it is.

    Between epochs, it would take the batches of the epoch before for those of the one to come, and skip it. While it
    validates, it would go on in the middle, without the batches that were scored before: it is to begin anew.
    """
    epochs = state["epoch_progress"]
    if epochs["total"]["processed"] == epochs["total"]["started"]:
        state["state_dict"].pop("combined_loader", None)
        for counts in epochs.values():
            counts["ready"] = counts["started"]
    elif validating:
        begun = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
        none = dict.fromkeys(begun, 0)
        state["epoch_loop.val_loop.batch_progress"] = {"total": begun, "current": none, "is_last_batch": False}


def surroundings(trainer: Trainer) -> dict[str, Any]:
    """Return what training depends on beside the state that Lightning saves."""
    device = trainer.strategy.root_device
    return {
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "should_stop": trainer.should_stop,
        "metrics": dict(trainer.callback_metrics),
        "rows": [dict(logger.row) for logger in _metrics_files(trainer)],
    }


def logged_step(trainer: Trainer) -> int:
    """Return the step that Lightning logs metrics at: the one that is about to be taken, counted from 0."""
    return trainer.fit_loop.epoch_loop._batches_that_stepped


class Resume(Callback):
    """Puts back what Lightning does not; the last of the callbacks, since the others may draw random numbers.

    Args:
        state: What `surroundings` returned.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        """Store the argument."""
        self.state = state

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on inside the epoch, or with the next one."""
        loop = trainer.fit_loop
        if between_epochs(trainer):
            loop._restarting = loop.epoch_loop.restarting = False  # with max_steps, Lightning takes it for the middle
        elif loop._combined_loader_states_to_load and loop._data_fetcher is not None:
            # A schedule that asks for the number of steps has had the loader made before there was a state to load.
            loop._load_combined_loader_states()
            iter(loop._data_fetcher)
        for logger, row in zip(_metrics_files(trainer), self.state.get("rows", []), strict=False):
            logger.row = row
        trainer.callback_metrics.update(self.state.get("metrics", {}))
        trainer.should_stop = self.state.get("should_stop", False)
        if "random" in self.state:
            torch.set_rng_state(self.state["random"])
        if self.state.get("random_cuda") is not None and pl_module.device.type == "cuda":
            torch.cuda.set_rng_state(self.state["random_cuda"], pl_module.device)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say that the epoch was trained: else Lightning would not step a schedule that watches a metric."""
        trainer.fit_loop._restarting = False


def _metrics_files(trainer: Trainer) -> list[MetricsFile]:
    return [logger for logger in trainer.loggers if isinstance(logger, MetricsFile)]
