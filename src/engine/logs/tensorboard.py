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
        self._suffix = ""
        self._replaced: list[Path] = []  # event files of evaluations before this one
        self._writer: SummaryWriter | None = None
        self._newest: tuple[int | None, dict[str, Any]] = None, {}  # the step that was logged last, and its numbers

    def begin(self, folder: Path, purge_step: int | None = None) -> None:
        """Choose the folder of a run; events of an interrupted run from purge_step on are hidden."""
        super().begin(folder, purge_step)
        self._suffix = EVALUATION if purge_step is None else ""
        self._replaced = list(folder.glob(EVENTS + EVALUATION)) if purge_step is None else []

    @property
    @rank_zero_experiment
    def experiment(self) -> "SummaryWriter":
        """TensorBoard's writer, opened when it is first asked for."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(
                self.log_dir, purge_step=self.purge_step, flush_secs=self.flush_secs, filename_suffix=self._suffix
            )
            self.purge_step = None  # another file of the same training hides nothing
            file: Any = self._writer.file_writer
            file.event_writer = EventBuffer(file.event_writer)
        return self._writer

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add the metrics of a step; add_scalar, made for one number at a time, takes four times as long."""
        numbers = {name: value for name, value in metrics.items() if not isinstance(value, dict)}
        numbers.pop("epoch", None)  # a straight line, and the first chart one would see
        again = (
            self._newest[1] if self._newest[0] == step else {}
        )  # a step is logged a second time after its checkpoint
        self._newest = step, again | numbers
        values = [
            Summary.Value(tag=name, simple_value=float(value))
            for name, value in numbers.items()
            if name not in again or again[name] != value
        ]
        if values:
            file: Any = self.experiment.file_writer
            file.add_summary(Summary(value=values), step)
        for name, value in metrics.items():
            if isinstance(value, dict):
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
            for path in self._replaced if status == "success" else ():
                path.unlink(missing_ok=True)

    def save(self) -> None:
        """Do nothing: events are written every flush_secs, and the settings are in config.yaml."""

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the open file, for a process that is started with it."""
        return super().__getstate__() | {"_writer": None}


class EventBuffer:
    """Passes events to TensorBoard's EventFileWriter once a second: the writer's thread wakes up for each call.

    A few events in each epoch of a small network would have the two threads take turns all the time, which costs a
    third of the training.
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._pending: deque[Any] = deque()
        self._writing = threading.Lock()
        self._timer: threading.Timer | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what else the writer has."""
        return getattr(self._writer, name)

    def add_event(self, event: Any) -> None:
        """Buffer an event for a second at most; summaries of one step become one event."""
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

    def _on_time(self) -> None:
        self._timer = None  # the next event starts another
        with contextlib.suppress(OSError, ValueError):  # the writer raises it again when it is flushed or closed
            self._write()

    def _write(self) -> None:
        with self._writing:  # one thread at a time: the steps of a curve stay in order
            while self._pending:
                event = self._pending.popleft()
                while self._pending and _same_step(event, self._pending[0]):
                    event.summary.MergeFrom(self._pending.popleft().summary)
                self._writer.add_event(event)


def _same_step(event: Any, other: Any) -> bool:
    return bool(event.step == other.step and event.HasField("summary") and other.HasField("summary"))
