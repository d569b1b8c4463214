"""Access log: one line for all requests of half a second that are alike."""

import contextlib
import statistics
import sys
import time
from asyncio import AbstractEventLoop

INTERVAL = 0.5  # seconds


class AccessLog:
    """Prints what was asked and how long it took; a line for each request would take longer than to answer it."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self._seen: dict[str, list[float]] = {}

    def add(self, what: str, status: int, began: float) -> None:
        """Note a request, by its method and path, that began at a time of time.perf_counter()."""
        if not self._seen:
            self.loop.call_later(INTERVAL, self.flush)
        self._seen.setdefault(f"{what} {status}", []).append(time.perf_counter() - began)

    def flush(self) -> None:
        """Print what was noted since the last time."""
        now = time.strftime("%H:%M:%S")
        lines = []
        for what, seconds in self._seen.items():
            middle, longest = f"{statistics.median(seconds) * 1e3:.3g} ms", f"{max(seconds) * 1e3:.3g} ms"
            several = f" x {len(seconds):,}, median {middle}, longest {longest}"
            lines.append(f"{now} {what}{several if len(seconds) > 1 else f', {middle}'}\n")
        self._seen.clear()
        with contextlib.suppress(OSError):  # whoever read it is gone
            sys.stdout.write("".join(lines))
            sys.stdout.flush()
