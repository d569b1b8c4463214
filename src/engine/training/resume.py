"""Mid-epoch resume: reads and sets the position of Lightning's loops inside an epoch.

There is no public way to ask or to set this. Tried with lightning 2.6.6; if Lightning renames what is used here, this
module fails to import, and runs are saved and resumed between epochs only. ENGINE_PATCHES=none does the same.
"""

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loops.fetchers import _PrefetchDataFetcher
from lightning.pytorch.loops.fit_loop import _FitLoop
from lightning.pytorch.loops.loop import _Loop
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.trainer.call import _call_lightning_module_hook

from engine.patches import wanted

ATTRIBUTES = {"_combined_loader", "_data_fetcher", "_combined_loader_states_to_load"}
FLAGS = {"_restarting", "_resuming_from_checkpoint"}
METHODS = {"_should_accumulate", "_is_training_done", "_should_check_val_fx"}
if not (
    ATTRIBUTES.issubset(_FitLoop.__init__.__code__.co_names)
    and FLAGS.issubset(_Loop.__init__.__code__.co_names)
    and METHODS.issubset(dir(_TrainingEpochLoop))
    and {"_load_combined_loader_states", "_skip_backward"}.issubset(dir(_FitLoop))
):
    raise ImportError("the fit loop of Lightning has other names")
if not wanted("resume"):
    raise ImportError("ENGINE_PATCHES says so")


def loaders_are_stateful(trainer: Trainer) -> bool:
    """Return whether every training loader knows its position in an epoch."""
    loader = trainer.fit_loop._combined_loader
    parts = [] if loader is None else loader.flattened
    return bool(parts) and all(hasattr(part, "state_dict") and hasattr(part, "load_state_dict") for part in parts)


def can_enter_epoch(trainer: Trainer) -> bool:
    """Return whether the epoch could be resumed inside; not one that a callback has set the loop for, as SWA does."""
    return not trainer.fit_loop._skip_backward


def fetched(trainer: Trainer) -> list[Any]:
    """Return the batches that were taken from a loader of unknown length ahead of their steps."""
    fetcher = trainer.fit_loop._data_fetcher
    return list(fetcher.batches) if isinstance(fetcher, _PrefetchDataFetcher) else []


def between_steps(trainer: Trainer) -> bool:
    """Return, as a batch ends, whether the optimizer has stepped on it and nothing but the next batch follows."""
    loop = trainer.fit_loop.epoch_loop
    fetcher = trainer.fit_loop._data_fetcher
    return not (
        loop._should_accumulate()
        or loop._is_training_done
        or (fetcher is not None and loop._should_check_val_fx(fetcher))
    )


def log_step(trainer: Trainer) -> None:
    """Log the step at hand, which Lightning does after the callbacks: a checkpoint follows the row of its step."""
    trainer._logger_connector.update_train_step_metrics()


def finish_step(trainer: Trainer, *arguments: Any) -> None:
    """Do what Lightning does after the callbacks have seen a step: the hook of the module, and its log."""
    _call_lightning_module_hook(trainer, "on_train_batch_end", *arguments)
    log_step(trainer)


def stops_inside_epoch(trainer: Trainer) -> bool:
    """Return, as a batch ends that should_stop is set at, whether training ends with it and its epoch does not."""
    return trainer.fit_loop._can_stop_early and not trainer.fit_loop.epoch_loop._is_training_done


def begin_with_next_epoch(trainer: Trainer) -> None:
    """Train the next epoch from its beginning; with max_steps, Lightning would take it for the middle of one.

    Its order is drawn when the epoch begins: the one at hand was drawn before the random state was restored.
    """
    loop = trainer.fit_loop
    loop._restarting = loop.epoch_loop.restarting = loop._resuming_from_checkpoint = False


def go_on_inside_epoch(trainer: Trainer, exact: bool, batches: list[Any]) -> None:
    """Give the loaders the position that was saved, or draw the rest of the epoch anew.

    A schedule that asks for the number of steps has had the loader made before there was a state to load.

    Args:
        trainer: It is about to train.
        exact: Whether the loaders have said their position.
        batches: What `fetched` returned.
    """
    loop = trainer.fit_loop
    fetcher, loader = loop._data_fetcher, loop._combined_loader
    if fetcher is None or loader is None:
        return
    if loop._combined_loader_states_to_load or not exact:
        loop._load_combined_loader_states()
        iter(fetcher)
    if isinstance(fetcher, _PrefetchDataFetcher):
        fetcher.batches[:0] = batches
    if not exact and fetcher.length is None and loader._iterator is not None and loader.limits is not None:
        done = loop.epoch_loop.batch_progress.current.ready
        loader._iterator.limits = [limit - done for limit in loader.limits]


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
