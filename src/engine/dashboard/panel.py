"""What a panel of the dashboard is, and the board that it writes to."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from engine.dashboard.pictures import pixels

STAGES = {"train": "training", "val": "validation", "test": "test"}


@dataclass
class Board:
    """Where panels read from and write to.

    Args:
        trainer: Trains or evaluates.
        task: What is trained.
        writer: TensorBoard's, if the run has one.
        folder: The run's, if it has one.
        stage: Split that is looked at: train, val or test.
    """

    trainer: Trainer
    task: LightningModule
    writer: SummaryWriter | None
    folder: Path | None
    stage: str = "train"

    @property
    def data(self) -> Any:
        """The data module."""
        return self.trainer.datamodule  # type: ignore[attr-defined]  # set at run time

    @property
    def epoch(self) -> int:
        """The epoch, from 0; that of the checkpoint in an evaluation."""
        return self.trainer.current_epoch

    @property
    def step(self) -> int:
        """The step that Lightning logs metrics at: the one that is taken, or the last before an evaluation."""
        return self.trainer.fit_loop.epoch_loop._batches_that_stepped

    @property
    def classes(self) -> list[str]:
        """Names of the classes, or characters, that the task tells apart."""
        return [repr(name)[1:-1] for name in getattr(self.task, "class_names", ())]

    @property
    def features(self) -> list[str]:
        """Names of the inputs' columns, if they have columns."""
        return list(getattr(self.data, "feature_names", ()))

    def label(self, name: str) -> str:
        """Return the label of an axis, with the unit if the data module says it: "x [rad]"."""
        unit = getattr(self.data, "units", {}).get(name)
        return f"{name} [{unit}]" if unit else name

    def title(self, what: str) -> str:
        """Return what a figure shows, with split and epoch."""
        return f"{what}, {STAGES[self.stage]}, epoch {self.epoch}"

    def figure(self, name: str, figure: Figure) -> None:
        """Show a figure in TensorBoard and keep it as `figures/<stage>_<name>.png`."""
        image = pixels(figure)
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "png", compress_level=3)  # half the time of 6, a twentieth more bytes
        png = buffer.getvalue()
        if self.writer is not None:  # not by its add_image, which takes pixels and would pack them again
            height, width, channels = image.shape
            shown = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=png)
            summary = Summary(value=[Summary.Value(tag=f"{self.stage}/{name}", image=shown)])
            self.writer._get_file_writer().add_summary(summary, self.step)
        if self.folder is not None:
            path = self.folder / "figures" / f"{self.stage}_{name}.png"
            path.parent.mkdir(exist_ok=True)
            temporary = path.with_name(f".{path.name}.part")
            temporary.write_bytes(png)
            temporary.replace(path)

    def text(self, name: str, markdown: str) -> None:
        """Show a text in TensorBoard."""
        if self.writer is not None:
            self.writer.add_text(name, markdown, self.step)

    def scalar(self, name: str, value: float) -> None:
        """Add a number to a curve in TensorBoard."""
        if self.writer is not None:
            self.writer.add_scalar(name, value, self.step)


class Panel:
    """Something that the dashboard shows; a panel overrides the moments that it needs.

    Panels are not callbacks: Lightning calls every hook of every callback in every step, used or not, and a dozen more
    would cost a small network a tenth of its time. One callback, the Dashboard, asks them only when something is due.

    Args:
        every_n_epochs: How often it draws, the last epoch always; by default `draws` times in a run, evenly spread.
        draws: How many times, where the number of epochs is known; each tenth epoch where it is not.
    """

    def __init__(self, every_n_epochs: int | None = None, draws: int = 1) -> None:
        """Store how often to draw."""
        if every_n_epochs is not None and every_n_epochs < 1:
            raise ValueError(f"every_n_epochs must be at least 1: {every_n_epochs}")
        self.every_n_epochs = every_n_epochs
        self.draws = draws

    def due(self, board: Board) -> bool:
        """Say whether this epoch is one of those to draw, counted in validations."""
        epochs = board.trainer.max_epochs or -1
        every = self.every_n_epochs or (math.ceil(epochs / self.draws) if epochs > 0 else 10)
        validations = board.trainer.check_val_every_n_epoch or 1
        nearest = math.ceil(every / validations) * validations
        return board.stage == "test" or (board.epoch + 1) % nearest == 0 or board.epoch + 1 == epochs

    def suits(self, board: Board) -> bool:
        """Say whether there is something to show for this task and data."""
        return True

    def begin(self, board: Board, inputs: Tensor, targets: Tensor) -> None:
        """Show what is known before the first step, with the first training batch."""

    def watches(self, board: Board) -> bool:
        """Say whether the training step that begins is one to watch."""
        return False

    def before_step(self, board: Board) -> None:
        """Prepare for a step that is watched."""

    def gradients(self, board: Board) -> None:
        """Look at the gradients of a step that is watched, before they are clipped."""

    def after_step(self, board: Board, loss: Tensor) -> None:
        """Look at the loss of a step that was watched."""

    def update(self, board: Board, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Take in a batch that was evaluated."""

    def draw(self, board: Board) -> None:
        """Show what the evaluated batches amount to, and forget them."""

    def after_epoch(self, board: Board) -> None:
        """Look at the metrics of an epoch that was validated."""

    def end(self, board: Board) -> None:
        """Show what is known when training or a test has ended."""
