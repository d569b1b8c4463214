"""TensorBoard events in the folder of a run."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from tensorboard.compat.proto.summary_pb2 import Summary

from engine.logs.run_logger import RunLogger

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVENTS = "events.out.tfevents.*"
EVALUATION = ".evaluation"  # ends the names of event files of an evaluation
INTERVAL = 1.0  # seconds that an event is buffered at most


@contextmanager
def events_kept(folder: Path, begun: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Remove the event files that a command opened in a folder, if it fails before it has begun."""
    before = set(folder.glob(EVENTS))
    try:
        yield
    except BaseException:
        if not begun():
            for path in set(folder.glob(EVENTS)) - before:
                path.unlink()
        raise


class TensorBoard(RunLogger, TensorBoardLogger):
    """TensorBoard events, without a folder per logger and without metrics that nobody measured.

    The events of an evaluation have a file of their own, which replaces that of the evaluation before: its checkpoint
    may be of an earlier step, and TensorBoard would draw a line back to it.

    Args:
        flush_secs: Seconds between writes to the disk.
    """

    def __init__(self, flush_secs: int = 10) -> None:
        super().__init__(save_dir="", name="", version="", default_hp_metric=False)
        self.flush_secs = flush_secs
        self.folder = Path()
        self.purge_step: int | None = None
        self._evaluates = False
        self._replaced: list[Path] = []  # event files of evaluations before this one
        self._writer: SummaryWriter | None = None

    def begin(self, folder: Path, purge_step: int | None = None) -> None:
        """Choose the folder of a run; events of an interrupted run from purge_step on are hidden."""
        self.folder = folder
        self.purge_step = purge_step
        self._evaluates = purge_step is None

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
        """TensorBoard's writer, opened when it is first asked for."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            suffix = EVALUATION if self._evaluates else ""
            self._replaced = list(self.folder.glob(EVENTS + EVALUATION)) if self._evaluates else []
            self._writer = SummaryWriter(
                self.log_dir, purge_step=self.purge_step, flush_secs=self.flush_secs, filename_suffix=suffix
            )
            self.purge_step = None  # another file of the same training hides nothing
            file: Any = self._writer.file_writer
            file.event_writer = EventBuffer(file.event_writer)
        return self._writer

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add the metrics of a step; add_scalar, made for one number at a time, takes four times as long."""
        groups = {name: value for name, value in metrics.items() if isinstance(value, dict)}
        shown = metrics.keys() - groups.keys() - {"epoch"}  # a straight line, and the first chart that one would see
        values = [Summary.Value(tag=name, simple_value=float(metrics[name])) for name in metrics if name in shown]
        if values:
            file: Any = self.experiment.file_writer
            file.add_summary(Summary(value=values), step)
        for name, value in groups.items():
            self.experiment.add_scalars(name, value, step)

    def flush(self) -> None:
        """Write what is pending."""
        if self._writer is not None:
            self._writer.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Close the file; where a run has failed, perhaps because nothing can be written, as far as possible."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError) if status == "failed" else contextlib.nullcontext():
                writer.close()
        if status == "success":
            for path in self._replaced:
                path.unlink(missing_ok=True)

    def save(self) -> None:
        """Do nothing: events are written every flush_secs, and the settings are in config.yaml."""

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the open file, for a process that is started with it."""
        return super().__getstate__() | {"_writer": None}


class EventBuffer:
    """Passes events to the writer of an event file once a second: the writer's thread wakes up for each call.

    A few events in each epoch of a small network would have the two threads take turns all the time, which costs a
    third of the training. Takes the place of TensorBoard's EventFileWriter.

    Args:
        writer: The EventFileWriter.
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._pending: deque[Any] = deque()
        self._adding = threading.Lock()
        self._writing = threading.Lock()
        self._timer: threading.Timer | None = None

    def add_event(self, event: Any) -> None:
        """Buffer an event for a second at most; summaries of one step are merged into one event."""
        with self._adding:
            last = self._pending[-1] if self._pending else None
            if last is not None and last.step == event.step and last.HasField("summary") and event.HasField("summary"):
                last.summary.MergeFrom(event.summary)
            else:
                self._pending.append(event)
        if self._timer is None:
            self._timer = threading.Timer(INTERVAL, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def flush(self) -> None:
        """Write the pending events to the disk."""
        self._write()
        self._writer.flush()

    def close(self) -> None:
        """Write the pending events, and close the file."""
        if self._timer is not None:
            self._timer.cancel()
        self._write()
        self._writer.close()

    def reopen(self) -> None:
        """Open another file."""
        self._writer.reopen()

    def get_logdir(self) -> str:
        """Return the folder of the file."""
        return str(self._writer.get_logdir())

    def _on_time(self) -> None:
        self._timer = None  # the next event starts another
        with contextlib.suppress(OSError, ValueError):  # the writer raises it again when it is flushed or closed
            self._write()

    def _write(self) -> None:
        with self._writing:  # one thread at a time: the steps of a curve stay in order
            while (event := self._next()) is not None:
                self._writer.add_event(event)

    def _next(self) -> Any | None:
        with self._adding:
            return self._pending.popleft() if self._pending else None
