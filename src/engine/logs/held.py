"""TensorBoard events, handed to its writer a second's worth at a time."""

import contextlib
import threading
from collections import deque
from typing import Any

INTERVAL = 1.0  # seconds that an event waits at most


class HeldEvents:
    """Stands before the writer of an event file, whose thread wakes up for every event.

    Several events in each epoch of a small network have the two threads take turns all the time, which costs a third of
    the training.

    Args:
        writer: TensorBoard's EventFileWriter.
    """

    def __init__(self, writer: Any) -> None:
        """Hold nothing yet."""
        self._writer = writer
        self._held: deque[Any] = deque()
        self._holding = threading.Lock()
        self._writing = threading.Lock()
        self._timer: threading.Timer | None = None

    def add_event(self, event: Any) -> None:
        """Hold an event for a second at most; what is shown of one step becomes one event."""
        with self._holding:
            last = self._held[-1] if self._held else None
            if last is not None and last.step == event.step and last.HasField("summary") and event.HasField("summary"):
                last.summary.MergeFrom(event.summary)
            else:
                self._held.append(event)
        if self._timer is None:
            self._timer = threading.Timer(INTERVAL, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def flush(self) -> None:
        """Write what is held to the disk."""
        self._pass_on()
        self._writer.flush()

    def close(self) -> None:
        """Write what is held, and close the file."""
        if self._timer is not None:
            self._timer.cancel()
        self._pass_on()
        self._writer.close()

    def reopen(self) -> None:
        """Open another file."""
        self._writer.reopen()

    def get_logdir(self) -> str:
        """Return the folder of the file."""
        return str(self._writer.get_logdir())

    def _on_time(self) -> None:
        self._timer = None  # whatever comes from now on waits for another
        with contextlib.suppress(OSError, ValueError):  # the writer remembers, and tells whoever flushes or closes it
            self._pass_on()

    def _pass_on(self) -> None:
        with self._writing:  # one at a time: the steps of a curve are to stay in order
            while (event := self._next()) is not None:
                self._writer.add_event(event)

    def _next(self) -> Any | None:
        with self._holding:
            return self._held.popleft() if self._held else None
