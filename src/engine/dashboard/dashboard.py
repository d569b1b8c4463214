"""Shows training and evaluation in TensorBoard, and as figures in the run's folder."""

import os
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.optim import Optimizer

from engine import console
from engine.dashboard.panel import Board, Panel
from engine.errors import CommandError


class Dashboard(Callback):
    """Calls each panel when something of its kind is due; what a panel shows is its own affair.

    Only the first of several processes shows something: its share of the data.

    Args:
        panels: What to show.
    """

    def __init__(self, panels: list[Panel]) -> None:
        """Start without a board; the command line says in which folder figures go."""
        self.panels = panels
        self.folder: Path | None = None
        self._board: Board | None = None
        self._shown: list[Panel] = []
        self._watchers: list[Panel] = []
        self._watching: list[Panel] = []
        self._due: list[Panel] = []
        self._begun = False
        self._validated = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find out what there is to show."""
        self._open(trainer, pl_module, "train")
        self._watchers = [panel for panel in self._shown if type(panel).watches is not Panel.watches]
        self._begun = trainer.global_step > 0  # a run that is resumed has shown it

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Show what there is to see before the first step, and prepare for a step that is watched."""
        if self._board is None:
            return
        if not self._begun:
            self._begun = True
            if _is_pair(batch):
                self._tell(self._shown, "begin", *batch[:2])
        # Gradients are whole, and the step is taken, with the last of the accumulated batches.
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0 or trainer.is_last_batch:
            self._watching = [panel for panel in list(self._watchers) if self._ask(panel, "watches")]
            self._tell(self._watching, "before_step")

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Let panels see the gradients, which are clipped only after this."""
        self._tell(self._watching, "gradients")

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Let panels see the loss."""
        if self._watching:
            if outputs and "loss" in outputs:  # a task may leave out a step
                self._tell(self._watching, "after_step", outputs["loss"])
            self._watching = []

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See which panels are due."""
        self._due = []
        if self._board is not None and not trainer.sanity_checking:
            self._board.stage = "val"
            self._due = [panel for panel in list(self._shown) if self._ask(panel, "due")]

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Give a batch to the panels that are due."""
        self._update(outputs, batch)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what is due."""
        self._draw()
        if self._board is not None and not trainer.sanity_checking:
            self._board.stage = "train"
            self._validated = True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let panels see the metrics of the epoch before, all of which are there only now."""
        self._after_epoch()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show how it ended."""
        self._after_epoch()
        self._tell(self._shown, "end")

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find out what there is to show."""
        self._open(trainer, pl_module, "test")
        self._due = list(self._shown)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Give a batch to the panels."""
        self._update(outputs, batch)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw everything."""
        self._draw()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the final metrics."""
        self._tell(self._shown, "end")

    def _open(self, trainer: Trainer, task: LightningModule, stage: str) -> None:
        self._board, self._shown = None, []
        self.folder = Path(trainer.default_root_dir)
        if trainer.is_global_zero and self.folder is not None:
            loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
            writer = loggers[0].experiment if loggers else None
            self._board = Board(trainer, task, writer, self.folder, stage)
            self._shown = list(self.panels)
            self._shown = [panel for panel in self.panels if self._ask(panel, "suits")]

    def _update(self, predictions: Any, batch: Any) -> None:
        # A task of another kind need not return its predictions: there is nothing to draw then.
        if isinstance(predictions, Tensor) and _is_pair(batch):
            self._tell(self._due, "update", batch[0], batch[1], predictions)

    def _after_epoch(self) -> None:
        if self._validated:
            self._validated = False
            self._tell(self._shown, "after_epoch")

    def _draw(self) -> None:
        self._tell(self._due, "draw")
        self._due = []

    def _tell(self, panels: list[Panel], moment: str, *values: Any) -> None:
        """Tell panels of a moment; one that fails is switched off, because no picture is worth a training."""
        for panel in list(panels):
            self._ask(panel, moment, *values)

    def _ask(self, panel: Panel, what: str, *values: Any) -> Any:
        """Return what a method of a panel returns, None if it fails."""
        try:
            return getattr(panel, what)(self._board, *values)
        except CommandError:
            raise
        except Exception as error:
            if os.environ.get("APP_DEBUG") == "1":
                raise
            console.say(f"dashboard: {type(panel).__name__} failed and is switched off: {error!r}")
            for group in (self._shown, self._watchers, self._watching, self._due):
                if panel in group:
                    group.remove(panel)
            return None


def _is_pair(batch: object) -> bool:
    """Say whether a batch is inputs and targets, as panels know them."""
    return isinstance(batch, list | tuple) and len(batch) >= 2 and all(isinstance(part, Tensor) for part in batch[:2])
