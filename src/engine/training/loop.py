"""The choice between the engine's loop over an epoch and Lightning's own."""

from lightning.pytorch import Callback, LightningModule, Trainer

from engine.lazy import optional


class FastLoop(Callback):
    """Trains a small network in a fraction of the time of Lightning's own loop, with the same results.

    Where training is more than a plain loop (several processes, mixed precision, a profiler, a task that does something
    else in its steps), Lightning's loop trains as it always does.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Put the loop in the place of Lightning's."""
        fast_loop = optional("engine.training.fast_loop")
        if stage == "fit" and fast_loop is not None:
            fast_loop.replace(trainer)
