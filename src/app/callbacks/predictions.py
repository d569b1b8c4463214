"""Writes predictions to a file and shows the first of them."""

import contextlib
import csv
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, distributed

from app import console


class PredictionsFile(Callback):
    """Writes the columns that predict_step returns to predictions.csv, a batch at a time, and prints the first rows.

    Of several processes the first writes and prints the rows of all.

    Args:
        rows: How many rows to print.
    """

    def __init__(self, rows: int = 10) -> None:
        """Start without rows."""
        self.rows = rows
        self.path: Path | None = None
        self.count = 0
        self._head: list[list[Any]] = []
        self._names: list[str] = []
        self._file: IO[str] | None = None

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401  # as Callback has it
        batch: Any,  # noqa: ANN401
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the rows of a batch."""
        columns: dict[str, Tensor | Sequence[Any]] = outputs
        if not self._names:
            self._names = list(columns)
            self._open()
        values = [column.tolist() if isinstance(column, Tensor) else list(column) for column in columns.values()]
        rows = gather([list(row) for row in zip(*values, strict=True)])
        self._head += rows[: max(0, self.rows - len(self._head))]
        self.count += len(rows)
        if self._file is not None:
            csv.writer(self._file, lineterminator="\n").writerows(rows)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the whole file in its place and print the table."""
        if self.count == 0:
            return
        title = f"first {len(self._head)} of {self.count} predictions"
        console.table(title, self._names, self._head)
        if self._file is not None and self.path is not None:
            self._file.close()
            self._part(self.path).replace(self.path)
            console.say(f"all {self.count} rows: {self.path}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no half-written file."""
        if self._file is not None and self.path is not None:
            with contextlib.suppress(OSError):  # closing writes what is left, and the disk may be full
                self._file.close()
            self._part(self.path).unlink(missing_ok=True)

    def _open(self) -> None:
        if self.path is not None:
            self._file = self._part(self.path).open("w", newline="", encoding="utf-8")
            csv.writer(self._file, lineterminator="\n").writerow(self._names)

    @staticmethod
    def _part(path: Path) -> Path:
        return path.with_name(f".{path.name}.part")


def gather(rows: list[list[Any]]) -> list[list[Any]]:
    """Return the rows of a batch of all processes in the first of them, and none in the others."""
    if not distributed.is_available() or not distributed.is_initialized():
        return rows
    first = distributed.get_rank() == 0
    parts: list[Any] = [None] * distributed.get_world_size()
    distributed.gather_object(rows, parts if first else None)
    return interleaved(parts) if first else []


def interleaved(parts: list[list[list[Any]]]) -> list[list[Any]]:
    """Return the rows of each process in the order of the data, as app.data.share dealt them out."""
    return [row for dealt in zip_longest(*parts) for row in dealt if row is not None]
