"""Lightning's finders of a learning rate and a batch size: what they found is kept for a resume."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import BatchSizeFinder, LearningRateFinder
from lightning.pytorch.utilities.parsing import lightning_setattr

from engine.lazy import optional

KINDS = (BatchSizeFinder, LearningRateFinder)  # not classes derived from them: those say themselves when they look


def without_finders(callbacks: Sequence[Callback]) -> list[Callback]:
    """Return the callbacks but for finders.

    A finder trains for its trials from the state at the start. In a resumed training that state is not restored yet,
    and Lightning would not restore it any more: the training would begin anew.
    """
    return [callback for callback in callbacks if type(callback) not in KINDS]


class Found(Callback):
    """Keeps the batch size that a finder found, and gives it to a resumed training; optimizers keep their rate."""

    def __init__(self, finders: Sequence[BatchSizeFinder]) -> None:
        self.finders = finders  # none in a resumed training
        self.sizes: dict[str, int] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the batch size that was found before."""
        for name, size in self.sizes.items():
            lightning_setattr(pl_module, name, size)

    def state_dict(self) -> dict[str, Any]:
        """Return the batch sizes by the names of their attributes."""
        patches = optional("engine.patches")
        found = [(patches.size_name(finder), finder.optimal_batch_size) for finder in self.finders] if patches else []
        return {"sizes": {**self.sizes, **dict(found)}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the batch sizes."""
        self.sizes = state_dict["sizes"]
