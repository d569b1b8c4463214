"""metrics.csv: the logged numbers of a run as a table."""

import contextlib
import csv
import io
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only

from engine.errors import UsageError
from engine.logs.run_logger import RunLogger
from engine.runs.files import write_text

INTERVAL = 1.0  # seconds from one write to the next; rows of shorter epochs are buffered


class MetricsFile(RunLogger):
    """Logged numbers in metrics.csv: a row for each step that something is logged at, a column for each name.

    What is logged at one step is one row, in full precision: all metrics of an epoch, which are logged at its last
    step, or the loss of a single step, whose row has no epoch. Rows are written once a second at most, and before each
    checkpoint; the newest row, once a later step is logged.
    """

    name = version = ""  # the folder is all there is

    def __init__(self) -> None:
        super().__init__()
        self.row: dict[str, Any] = {}  # of the newest step, to which more may be logged
        self._kept: list[dict[str, Any]] | None = []  # rows that were there already, until the first new one
        self._names: list[str] = []  # of the columns
        self._last: dict[str, Any] = {}  # the newest row that is ended
        self._pending: list[dict[str, Any]] = []
        self._newest = -1  # step of a row
        self._replaced = 0  # bytes at the end of the file that the pending rows replace
        self._written = 0.0

    def begin(self, folder: Path, purge_step: int | None = None) -> None:
        """Choose the folder of a run; rows that an interrupted run wrote there from purge_step on are dropped.

        Raises:
            UsageError: If the file that is there cannot be continued.
        """
        super().begin(folder, purge_step)
        end = math.inf if purge_step is None else purge_step
        try:
            self._kept = [row for row in self._read() if int(row["step"]) < end]
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise UsageError(f"{self.path} is damaged; without it, its curve is lost and the run can go on") from error

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "metrics.csv"

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add numbers to the row of a step; numbers without a step join those that are logged next."""
        before, again = self.row.get("step"), step is None and not self.row.keys().isdisjoint(metrics)
        if before is not None and before != step and (step is not None or "epoch" in self.row):
            self._end_row()
        elif again:  # a number that is logged without a step has a row each time
            self._number()
            self._end_row()
        self.row |= {**metrics, "step": self.row.get("step") if step is None else step}
        if "epoch" in metrics:
            self.row["epoch"] = int(metrics["epoch"])

    @rank_zero_only
    def flush(self) -> None:
        """Write what is pending, the row of an epoch too; that of a single step may grow, and is in the checkpoint."""
        if "epoch" in self.row:
            self._end_row()
        self._append()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write the last row; where a run has failed, perhaps because nothing can be written, if it is an epoch's."""
        if status != "failed":
            self._number()
            self._end_row()
        with contextlib.suppress(OSError) if status == "failed" else contextlib.nullcontext():
            self.flush()

    def _number(self) -> None:
        """Give a row that has no step the one after the newest."""
        if self.row and self.row.get("step") is None:
            self.row["step"] = self._newest + 1

    def _end_row(self) -> None:
        row, self.row = self.row, {}
        if row.get("step") is None:  # nothing was logged, or a number that belongs to no step
            return
        self._newest = int(row["step"])
        if self._kept is not None or self.purge_step is None or not row.keys() <= set(self._names):
            self._rewrite(row)
            return
        if str(self._last["step"]) != str(row["step"]):
            self._last = row
            self._pending.append(row)
        else:  # more was logged at a step whose row is ended
            if not self._pending:
                self._replaced = len(self._lines([self._last]))
                self._pending.append(self._last)
            self._last |= row
        if time.monotonic() - self._written > INTERVAL:
            self._append()

    def _append(self) -> None:
        """Write all pending rows or none."""
        if not self._pending:
            return
        start = self.path.stat().st_size - self._replaced
        try:
            with self.path.open("r+b") as file:
                file.seek(start)
                file.write(self._lines(self._pending))
                file.truncate()
        except OSError:
            os.truncate(self.path, start)  # the next row would be joined to half a row
            self._replaced = 0
            raise
        self._pending, self._replaced, self._written = [], 0, time.monotonic()

    def _rewrite(self, row: dict[str, Any]) -> None:
        """Write the file anew, with more columns, or with more in the row of a step that it has already."""
        self._append()
        rows = self._read() if self._kept is None else self._kept
        same = [old for old in rows if old["step"] == str(row["step"])]
        if same:
            same[-1].update(row)
        else:
            rows.append(row)
        self._names = list(dict.fromkeys(["epoch", "step", *rows[0], *row]))
        header = dict(zip(self._names, self._names, strict=True))
        write_text(self.path, self._lines([header, *rows]).decode())
        self._kept, self._last = None, rows[-1]

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        return list(csv.DictReader(line for line in lines if line.endswith("\n")))  # a full disk may cut the last

    def _lines(self, rows: list[dict[str, Any]]) -> bytes:
        text = io.StringIO()
        csv.DictWriter(text, self._names, restval="", lineterminator="\n").writerows(rows)
        return text.getvalue().encode()
