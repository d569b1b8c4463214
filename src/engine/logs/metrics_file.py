"""Metrics as a table in the folder of a run."""

import contextlib
import csv
import io
import os
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from engine.errors import UsageError
from engine.runs.files import write_text

INTERVAL = 1.0  # seconds from one write to the next; rows of shorter epochs wait for each other


class MetricsFile(Logger):
    """The metrics of every epoch in metrics.csv: a row an epoch, a column a metric, numbers in full.

    A task that logs single steps adds rows for those steps. Rows are written once a second at most, and before each
    checkpoint; the row of an epoch, when the next one begins.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        super().__init__()
        self.folder = Path()
        self.purge_step: int | None = None
        self._names: list[str] | None = None
        self.row: dict[str, Any] = {}
        self._waiting: list[dict[str, Any]] = []
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
        """Return no name: the folder is all there is."""
        return ""

    @property
    def version(self) -> str:
        """Return no version."""
        return ""

    @property
    def log_dir(self) -> str:
        """Folder of the run."""
        return str(self.folder)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add metrics to the row of a step; without an epoch, like learning rates, they join the row that follows."""
        if "epoch" in self.row and self.row["step"] != step:
            self._write()
        self.row |= {**metrics, "step": step}
        if "epoch" in metrics:
            self.row["epoch"] = int(metrics["epoch"])

    @rank_zero_only
    def flush(self) -> None:
        """Write a row that is complete, before a checkpoint says that it was logged; one that is not is kept in it."""
        if "epoch" in self.row:
            self._write()
        self._append()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write the last row; where a run has failed, perhaps because nothing can be written, if it is complete."""
        if status != "failed":
            self._write()
        with contextlib.suppress(OSError) if status == "failed" else contextlib.nullcontext():
            self.flush()

    def _write(self) -> None:
        row, self.row = self.row, {}
        if not row:
            return
        if self._names is None:
            self._continue()
        if self.purge_step is None or not row.keys() <= set(self._names or ()):
            self._append()
            self._rewrite(row)
            return
        self._waiting.append(row)
        if time.monotonic() - self._written > INTERVAL:
            self._append()

    def _append(self) -> None:
        """Write the rows that wait, all of them or none."""
        if not self._waiting:
            return
        text = io.StringIO()
        csv.DictWriter(text, self._names or [], lineterminator="\n").writerows(self._waiting)
        size = self.path.stat().st_size
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                file.write(text.getvalue())
        except OSError:
            os.truncate(self.path, size)  # half a row would join the one that follows
            raise
        self._waiting, self._written = [], time.monotonic()

    def _continue(self) -> None:
        """Take over the columns of a file that is there already, without the rows that will be logged again."""
        kept = [row for row in self._read() if self.purge_step is None or int(row["step"]) < self.purge_step]
        self._names = list(kept[0]) if kept else []
        self._save(kept)

    def _rewrite(self, row: dict[str, Any]) -> None:
        """Write the file anew, with more columns or with more in the row of a step that is there already."""
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
        whole = [line for line in lines if line.endswith("\n")]  # a full disk may cut the last
        return list(csv.DictReader(whole))

    def _save(self, rows: list[dict[str, Any]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._names or [], restval="", lineterminator="\n")
        if self._names:
            writer.writeheader()
        writer.writerows(rows)
        write_text(self.path, text.getvalue())
