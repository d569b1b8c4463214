"""Panels: callbacks that show a training in TensorBoard and as figures in the run's folder."""

import io
import math
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from engine import fonts
from engine.dashboard.pictures import pixels
from engine.errors import check_range
from engine.logs.run_logger import logged_step
from engine.runs.files import replacing
from engine.watcher import Watcher

STAGES = {"train": "training", "val": "validation", "test": "test"}


class Panel(Watcher):
    """Shows something of a run; a subclass overrides `suits`, `update` and `draw`, or any hook of Lightning.

    Only the first of several processes shows something: its shard of the data. A hook of single steps costs every step
    of a training, so this class overrides none. Attributes, from the start of training or test on:

    * `trainer`, `task`, `data`: what runs
    * `stage`: the split that is looked at, train, val or test
    * `folder`: the run's
    * `writer`: TensorBoard's, if the run has one
    * `shown`: whether this panel has something to show in this run

    Args:
        every_n_epochs: How often it draws, the last epoch always; by default `draws` times in a run, evenly spread.
    """

    draws = 1  # in a run whose number of epochs is known; where it is not, each tenth epoch is drawn

    def __init__(self, every_n_epochs: int | None = None) -> None:
        if every_n_epochs is not None:
            check_range("every_n_epochs", every_n_epochs, 1)
        self.every_n_epochs = every_n_epochs
        self.stage = "train"
        self.shown = False
        self._collecting = False

    def suits(self) -> bool:
        """Return whether there is something to show for this task and data."""
        return True

    def update(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Take in an evaluated batch: what the loader gave, and what validation_step or test_step returned."""

    def draw(self) -> None:
        """Show what the evaluated batches amount to, and clear it."""

    def due(self) -> bool:
        """Return whether this epoch is one to draw; where not every epoch is validated, the next that is."""
        epochs = self.trainer.max_epochs or -1
        every = self.every_n_epochs or (math.ceil(epochs / self.draws) if epochs > 0 else 10)
        validations = self.trainer.check_val_every_n_epoch or 1
        every = math.ceil(every / validations) * validations
        return self.stage == "test" or (self.epoch + 1) % every == 0 or self.epoch + 1 == epochs

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find out whether there is something to show."""
        self._open(trainer, pl_module, "train")

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Collect batches if this epoch is due."""
        if self.shown and trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self.stage = "val"
            self._collecting = self.due()

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *values: Any) -> None:
        """Collect a batch."""
        if self._collecting:
            self._collect(*values)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw if this epoch is due."""
        if self.shown:
            self._finish()
            self.stage = "train"

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find out whether there is something to show, and collect batches."""
        self._open(trainer, pl_module, "test")
        self._collecting = self.shown

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *values: Any) -> None:
        """Collect a batch."""
        if self._collecting:
            self._collect(*values)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw."""
        self._finish()

    def _open(self, trainer: Trainer, task: LightningModule, stage: str) -> None:
        self.shown = self._collecting = False
        if trainer.is_global_zero:
            self.trainer, self.task, self.stage = trainer, task, stage
            self.folder = Path(trainer.default_root_dir)
            loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
            self.writer: SummaryWriter | None = loggers[0].experiment if loggers else None
            self.shown = self.suits()
        if not self.shown:
            self.leave(trainer)

    def leave(self, trainer: Trainer) -> None:
        """Take no further part in the run: Lightning calls all hooks of each callback, which small networks feel."""
        trainer.callbacks = [each for each in trainer.callbacks if each is not self]  # type: ignore[attr-defined]

    def _collect(self, predictions: Any, batch: Any, *place: int) -> None:
        # A task of another kind need not return its predictions: there is nothing to draw then.
        if isinstance(predictions, Tensor) and is_pair(batch):
            self.update(batch[0], batch[1], predictions)

    def _finish(self) -> None:
        if self._collecting:
            self._collecting = False
            self.draw()

    @property
    def data(self) -> Any:
        """The data module, None if there is none."""
        return getattr(self.trainer, "datamodule", None)

    @property
    def epoch(self) -> int:
        """The epoch, counted from 0; that of the checkpoint in a test."""
        return self.trainer.current_epoch

    @property
    def step(self) -> int:
        """The step that Lightning logs metrics at."""
        return logged_step(self.trainer)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, or characters, that the task tells apart, a space or line break as in Python."""
        names = [str(name) for name in getattr(self.task, "class_names", None) or ()]
        return [repr(name)[1:-1] if name.strip() else repr(name) for name in names]

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of the inputs, if they have columns."""
        return list(getattr(self.data, "feature_names", None) or ())

    @property
    def target_name(self) -> str:
        """Name of the column of the targets."""
        return str(getattr(self.data, "target_name", None) or "y")

    @property
    def target_names(self) -> list[str]:
        """Names of the columns of the targets."""
        return list(getattr(self.data, "target_names", None) or [self.target_name])

    def label(self, name: str) -> str:
        """Return the label of an axis, with the unit if the data module has one: "x [rad]"."""
        unit = getattr(self.data, "units", {}).get(name)
        return self.drawable([f"{name} [{unit}]" if unit else name])[0]

    def drawable(self, names: list[str]) -> list[str]:
        """Return names as a figure can show them: numbers, if no installed font has their characters."""
        shown, legend = fonts.drawable(names)
        if legend:
            self.text("names in figures", legend)
        return shown

    def title(self, what: str) -> str:
        """Return the title of a figure, with split and epoch."""
        return f"{what}, {STAGES[self.stage]}, epoch {self.epoch}"

    def figure(self, name: str, figure: Figure) -> None:
        """Show a figure in TensorBoard as `<stage>/<name>` and keep it as `figures/<stage>_<name>.png`."""
        image, png = self.keep(f"{self.stage}_{name}", figure)
        if self.writer is not None:  # not by its add_image, which takes pixels and would compress them again
            height, width, channels = image.shape
            shown = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=png)
            self.summary(Summary(value=[Summary.Value(tag=f"{self.stage}/{name}", image=shown)]))

    def keep(self, name: str, figure: Figure) -> tuple[Any, bytes]:
        """Keep a figure as `figures/<name>.png`; return its pixels (H, W, 3) and the file's content."""
        image, buffer = pixels(figure), io.BytesIO()
        Image.fromarray(image).save(buffer, "png", compress_level=3)  # half the time of 6, a twentieth more bytes
        path = self.folder / "figures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as file:
            file.write(buffer.getvalue())
        return image, buffer.getvalue()

    def summary(self, summary: Summary) -> None:
        """Write a protocol buffer of TensorBoard."""
        if self.writer is not None:
            file: Any = self.writer.file_writer  # without a type in torch
            file.add_summary(summary, self.step)

    def text(self, name: str, markdown: str) -> None:
        """Show a text in TensorBoard."""
        if self.writer is not None:
            self.writer.add_text(name, markdown, self.step)

    def scalar(self, name: str, value: float, step: int | None = None) -> None:
        """Add a point to a curve, in TensorBoard and metrics.csv, by default at the current step."""
        for logger in self.trainer.loggers:
            logger.log_metrics({name: value}, self.step if step is None else step)


def is_pair(batch: object) -> bool:
    """Return whether a batch is inputs and targets."""
    return isinstance(batch, list | tuple) and len(batch) >= 2 and all(isinstance(part, Tensor) for part in batch[:2])
