"""TensorBoard events in the folder of a run."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from tensorboard.compat.proto.summary_pb2 import Summary

from engine.logs.held import HeldEvents

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVENTS = "events.out.tfevents.*"


@contextmanager
def events_kept(folder: Path, begun: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Remove the events that a command opened in a folder, if it fails before it has begun."""
    before = set(folder.glob(EVENTS))
    try:
        yield
    except BaseException:
        if not begun():
            for path in set(folder.glob(EVENTS)) - before:
                path.unlink()
        raise


class TensorBoard(TensorBoardLogger):
    """TensorBoard events, without a folder per logger and without metrics that nobody measured.

    Args:
        flush_secs: Seconds between writes to the disk.
    """

    def __init__(self, flush_secs: int = 10) -> None:
        """Open nothing yet."""
        super().__init__(save_dir="", name="", version="", default_hp_metric=False, flush_secs=flush_secs)
        self.folder = Path()

    def begin(self, folder: Path, purge_step: int | None = None) -> None:
        """Choose the folder of a run; what an interrupted run logged there from purge_step on is hidden."""
        self.folder = folder
        self._kwargs["purge_step"] = purge_step

    @property
    def log_dir(self) -> str:
        """Folder of the run."""
        return str(self.folder)

    @property
    def save_dir(self) -> str:
        """Folder of the run; Lightning's own callbacks write below it."""
        return str(self.folder)

    @property
    def root_dir(self) -> str:
        """Folder of the run."""
        return str(self.folder)

    @property
    @rank_zero_experiment
    def experiment(self) -> "SummaryWriter":
        """TensorBoard's writer."""
        new = self._experiment is None
        writer: SummaryWriter = super().experiment
        if new:
            file = writer._get_file_writer()
            file.event_writer = HeldEvents(file.event_writer)
        return writer

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add the metrics of a step; add_scalar, made for one number at a time, takes four times as long."""
        numbers = {name: float(value) for name, value in metrics.items() if not isinstance(value, dict)}
        values = [Summary.Value(tag=name, simple_value=number) for name, number in numbers.items()]
        if values:
            self.experiment._get_file_writer().add_summary(Summary(value=values), step)
        groups: dict[str, Any] = {name: value for name, value in metrics.items() if isinstance(value, dict)}
        if groups:
            super().log_metrics(groups, step)

    def flush(self) -> None:
        """Write what is waiting, before a checkpoint says that it was logged."""
        if self._experiment is not None:
            self._experiment.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Close the file; where a run has failed, perhaps because nothing can be written, as far as possible."""
        with contextlib.suppress(OSError) if status == "failed" else contextlib.nullcontext():
            super().finalize(status)

    def save(self) -> None:
        """Do nothing: events are written every flush_secs, and the settings are in config.yaml."""
