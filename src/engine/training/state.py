"""State of a training for an exact resume: what Lightning does not save, and corrections of what it saves."""

import random
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Timer

from engine.lazy import optional
from engine.logs.metrics_file import MetricsFile
from engine.training.callbacks import of

STOPPED_EARLY, TIME_IS_UP = "stopped early", "time is up"


def can_save(trainer: Trainer) -> bool:
    """Return whether training can be resumed from here: inside an epoch, one process can."""
    resume = optional("engine.training.resume")
    inside = resume is not None and resume.can_enter_epoch(trainer)
    return trainer.world_size == 1 and (inside or between_epochs(trainer))


def is_exact(trainer: Trainer) -> bool:
    """Return whether a resume goes on with the batches that would come next: inside an epoch, the loader must know."""
    resume = optional("engine.training.resume")
    return between_epochs(trainer) or (resume is not None and bool(resume.loaders_are_stateful(trainer)))


def between_epochs(trainer: Trainer) -> bool:
    """Return whether no epoch has begun that has not ended."""
    counts = trainer.fit_loop.epoch_progress.total.state_dict()
    return bool(counts["processed"] == counts["started"])


def between_steps(trainer: Trainer) -> bool:
    """Return, as a batch ends, whether the optimizer has stepped on it and nothing but the next batch follows."""
    resume = optional("engine.training.resume")
    return resume is not None and bool(resume.between_steps(trainer))


def time_is_up(trainer: Trainer) -> bool:
    """Return whether max_time or a Timer of the user has run out."""
    left = [callback.time_remaining() for callback in of(trainer) if isinstance(callback, Timer)]
    return any(seconds is not None and seconds <= 0 for seconds in left)


def is_cut_by_time(trainer: Trainer) -> bool:
    """Return, as a batch ends, whether training ends with it, in the middle of an epoch, for its time is up."""
    resume = optional("engine.training.resume")
    return resume is not None and time_is_up(trainer) and bool(resume.stops_inside_epoch(trainer))


def ending(trainer: Trainer) -> str:
    """Return how a training ended that was not interrupted."""
    if not trainer.should_stop or trainer.current_epoch == trainer.max_epochs:
        return "trained to the end"
    return TIME_IS_UP if time_is_up(trainer) else STOPPED_EARLY


def log_step(trainer: Trainer) -> None:
    """Log the step at hand, so that the checkpoint to come does not outrun the logs."""
    if (resume := optional("engine.training.resume")) is not None:
        resume.log_step(trainer)


def finish_step(trainer: Trainer, *arguments: Any) -> None:
    """Do what is left of the step at hand, where training ends with it."""
    if (resume := optional("engine.training.resume")) is not None:
        resume.finish_step(trainer, *arguments)


def set_epoch_and_step(trainer: Trainer, epoch: int, step: int) -> None:
    """Log what follows at an epoch and a step."""
    trainer.fit_loop.epoch_progress.current.completed = epoch
    if (resume := optional("engine.training.resume")) is not None:
        resume.set_logged_step(trainer, step)


def correct_progress(state: dict[str, Any], validating: bool, exact: bool) -> None:
    """Change the saved state of the fit loop so that Lightning resumes at the right batch.

    Between epochs, it would take the batches of the epoch before for those of the next one, and skip it. While it
    validates, it would resume in the middle, without the batches that were scored before: validation must begin anew.
    Of several loaders, either all go on from their position or none does.
    """
    if not exact:
        state["state_dict"].pop("combined_loader", None)
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
    """Return the state that Lightning leaves out of a checkpoint."""
    device, exact, resume = trainer.strategy.root_device, is_exact(trainer), optional("engine.training.resume")
    inside = exact and resume is not None and not between_epochs(trainer)
    return {
        "exact": exact,
        "fetched": resume.fetched(trainer) if inside and resume is not None else [],
        "random": torch.get_rng_state(),
        "random_python": random.getstate(),
        "random_numpy": np.random.get_state(legacy=False),  # noqa: NPY002  # of the generator that augmentations use
        "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "should_stop": trainer.should_stop and not time_is_up(trainer),  # a resumed run has more time, or is over
        "metrics": dict(trainer.callback_metrics),
        "rows": [dict(logger.row) for logger in _metrics_files(trainer)],
    }


class Restore(Callback):
    """Restores what `surroundings` returned; after the other callbacks, which may draw random numbers."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.resume = optional("engine.training.resume")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on inside the epoch, or with the next one."""
        self._restore_random_state(pl_module.device)
        if self.resume is not None and between_epochs(trainer):
            self.resume.begin_with_next_epoch(trainer)
        elif self.resume is not None:
            self.resume.go_on_inside_epoch(trainer, self.state.get("exact", True), self.state.get("fetched", []))
            if self.state.get("exact", True):  # a loader may have drawn from it
                self._restore_random_state(pl_module.device)
        for logger, row in zip(_metrics_files(trainer), self.state.get("rows", []), strict=False):
            logger.row = row
        trainer.callback_metrics.update(self.state.get("metrics", {}))
        trainer.should_stop = self.state.get("should_stop", False)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the resumed epoch as trained."""
        if self.resume is not None:
            self.resume.epoch_was_trained(trainer)

    def _restore_random_state(self, device: torch.device) -> None:
        if "random" in self.state:
            torch.set_rng_state(self.state["random"])
        if "random_python" in self.state:  # a run of an earlier version has neither
            random.setstate(self.state["random_python"])
            np.random.set_state(self.state["random_numpy"])  # noqa: NPY002
        if self.state.get("random_cuda") is not None and device.type == "cuda":
            torch.cuda.set_rng_state(self.state["random_cuda"], device)


def _metrics_files(trainer: Trainer) -> list[MetricsFile]:
    return [logger for logger in trainer.loggers if isinstance(logger, MetricsFile)]
