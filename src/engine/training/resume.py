"""Mid-epoch resume: reads and sets the position of Lightning's loops inside an epoch.

There is no public way to ask or to set this. Tried with lightning 2.6.6; if Lightning renames what is used here, this
module fails to import, and runs are saved and resumed between epochs only. ENGINE_PATCHES=none does the same.
"""

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loops.fit_loop import _FitLoop
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop

from engine.patches import wanted

ATTRIBUTES = {"_combined_loader", "_data_fetcher", "_combined_loader_states_to_load"}
METHODS = {"_should_accumulate", "_is_training_done", "_should_check_val_fx"}
if not (
    ATTRIBUTES.issubset(_FitLoop.__init__.__code__.co_names)
    and METHODS.issubset(dir(_TrainingEpochLoop))
    and hasattr(_FitLoop, "_load_combined_loader_states")
):
    raise ImportError("the fit loop of Lightning has other names")
if not wanted("resume"):
    raise ImportError("ENGINE_PATCHES says so")


def loaders_are_stateful(trainer: Trainer) -> bool:
    """Return whether every training loader can resume inside an epoch."""
    loader = trainer.fit_loop._combined_loader
    return loader is not None and all(hasattr(part, "load_state_dict") for part in loader.flattened)


def between_steps(trainer: Trainer) -> bool:
    """Return, as a batch ends, whether the optimizer has stepped on it and nothing but the next batch follows."""
    loop = trainer.fit_loop.epoch_loop
    fetcher = trainer.fit_loop._data_fetcher
    return not (
        loop._should_accumulate()
        or loop._is_training_done
        or (fetcher is not None and loop._should_check_val_fx(fetcher))
    )


def begin_with_next_epoch(trainer: Trainer) -> None:
    """Train the next epoch from its beginning; with max_steps, Lightning would take it for the middle of one."""
    loop = trainer.fit_loop
    loop._restarting = loop.epoch_loop.restarting = False


def go_on_inside_epoch(trainer: Trainer) -> None:
    """Give the loaders the position that was saved.

    A schedule that asks for the number of steps has had the loader made before there was a state to load.
    """
    loop = trainer.fit_loop
    if loop._combined_loader_states_to_load and loop._data_fetcher is not None:
        loop._load_combined_loader_states()
        iter(loop._data_fetcher)


def epoch_was_trained(trainer: Trainer) -> None:
    """Tell Lightning that the resumed epoch was trained: else it would not step a schedule that watches a metric."""
    trainer.fit_loop._restarting = False


def logged_step(trainer: Trainer) -> int:
    """Return the step that Lightning logs metrics at: the current one, or the last before an evaluation."""
    return trainer.fit_loop.epoch_loop._batches_that_stepped


def set_logged_step(trainer: Trainer, step: int) -> None:
    """Log metrics at a step from now on."""
    trainer.fit_loop.epoch_loop._batches_that_stepped = step


def dump_checkpoint(trainer: Trainer) -> dict[str, Any]:
    """Return what Trainer.save_checkpoint would write."""
    checkpoint: dict[str, Any] = trainer._checkpoint_connector.dump_checkpoint()
    return checkpoint
