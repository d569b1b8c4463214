"""metrics.csv: the logged numbers of a run as a table."""

import contextlib
import csv
import io
import os
import time
from argparse import Namespace
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

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path()
        self.purge_step: int | None = None
        self.row: dict[str, Any] = {}  # of the newest step, to which more may be logged
        self._names: list[str] | None = None  # of the columns; None until the file is read
        self._pending: list[dict[str, Any]] = []
        self._last: dict[str, Any] = {}  # the newest row that is ended, and where its line begins in the file
        self._last_at = 0
        self._written = 0.0

    def begin(self, folder: Path, purge_step: int | None = None) -> None:
        """Choose the folder of a run; rows that an interrupted run wrote there from purge_step on are dropped.

        Raises:
            UsageError: If the file that is there cannot be continued.
        """
        self.folder = folder
        self.purge_step = purge_step
        try:
            for row in self._read():
                int(row["step"])
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise UsageError(f"{self.path} is damaged; without it, its curve is lost and the run can go on") from error

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "metrics.csv"

    @property
    def name(self) -> str:
        """No name: the folder is all there is."""
        return ""

    @property
    def version(self) -> str:
        """No version."""
        return ""

    @property
    def log_dir(self) -> str:
        """Folder of the run."""
        return str(self.folder)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add numbers to the row of a step; numbers without a step join those that are logged next."""
        before = self.row.get("step")
        if before is not None and before != step and (step is not None or "epoch" in self.row):
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
            self._end_row()
        with contextlib.suppress(OSError) if status == "failed" else contextlib.nullcontext():
            self.flush()

    def _end_row(self) -> None:
        row, self.row = self.row, {}
        if row.get("step") is None:  # nothing was logged, or a number that belongs to no step
            return
        if self._names is None:
            self._continue()
        if self.purge_step is None or not row.keys() <= set(self._names or ()):
            self._append()
            self._rewrite(row)
        elif str(self._last.get("step")) != str(row["step"]):
            self._last = row
            self._pending.append(row)
            if time.monotonic() - self._written > INTERVAL:
                self._append()
        else:  # more was logged at a step whose row is ended
            self._last |= row
            if not self._pending:
                self._pending.append(self._last)
                self._append(self._last_at)

    def _append(self, start: int | None = None) -> None:
        """Write the pending rows at the end of the file, or over its last row; all of them or none."""
        if not self._pending:
            return
        text = self._lines(self._pending)
        size = self.path.stat().st_size
        start = size if start is None else start
        try:
            with self.path.open("r+b") as file:
                file.seek(start)
                file.write(text)
                file.truncate()
        except OSError:
            os.truncate(self.path, start)  # the next row would be joined to half a row
            raise
        self._last_at = start + len(text) - len(self._lines(self._pending[-1:]))
        self._pending, self._written = [], time.monotonic()

    def _continue(self) -> None:
        """Take over columns and rows of a file that is there already, without the rows that will be logged again."""
        kept = [row for row in self._read() if self.purge_step is None or int(row["step"]) < self.purge_step]
        self._names = list(kept[0]) if kept else []
        self._save(kept)

    def _rewrite(self, row: dict[str, Any]) -> None:
        """Write the file anew, with more columns, or with more in the row of a step that it has already."""
        self._names = list(dict.fromkeys(["epoch", "step", *(self._names or ()), *row]))
        rows = self._read()
        same = [old for old in rows if old["step"] == str(row["step"])]
        if same:
            same[-1].update(row)
        else:
            rows.append(row)
        self._save(rows)

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        complete = [line for line in lines if line.endswith("\n")]  # a full disk may cut the last
        return list(csv.DictReader(complete))

    def _save(self, rows: list[dict[str, Any]]) -> None:
        names = self._names or []
        text = self._lines([dict(zip(names, names, strict=True)), *rows]) if names else b""
        write_text(self.path, text.decode())
        self._last = rows[-1] if rows else {}
        self._last_at = len(text) - len(self._lines(rows[-1:]))

    def _lines(self, rows: list[dict[str, Any]]) -> bytes:
        text = io.StringIO()
        csv.DictWriter(text, self._names or [], restval="", lineterminator="\n").writerows(rows)
        return text.getvalue().encode()
