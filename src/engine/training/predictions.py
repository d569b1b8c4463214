"""Writes predictions to a file and shows the first of them."""

import contextlib
import csv
import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, distributed

from engine import console

Column = Tensor | Sequence[Any]


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
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the rows of a batch."""
        columns = gather(outputs)
        if not columns:
            return
        if not self._names:
            self._names = list(columns)
            self._open()
        missing = max(0, self.rows - len(self._head))
        first = [_values(column[:missing]) for column in columns.values()]
        self._head += [list(row) for row in zip(*first, strict=True)]
        self.count += len(next(iter(columns.values()), ()))
        if self._file is not None:
            self._file.write(lines(list(columns.values())))

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


def lines(columns: Sequence[Column]) -> str:
    """Return the lines of a CSV file, numbers in full precision: what csv.writer makes of them, in half the time."""
    return "\n".join([*map(",".join, zip(*map(_texts, columns), strict=True)), ""])


def _texts(column: Column) -> Sequence[str]:
    """Return the fields of a column; to write a number takes longest, and so each is written once."""
    if not isinstance(column, Tensor) or column.ndim > 1:
        return [_field(value) for value in _values(column)]
    numbers = (column.double() if column.is_floating_point() else column).numpy(force=True)
    # By their bits, or 0.0 and -0.0 would be one.
    bits = numbers.view(np.int64) if numbers.dtype == np.float64 else numbers
    different, places = np.unique(bits, return_inverse=True)
    texts: list[str] = np.array(list(map(repr, different.view(numbers.dtype).tolist())), dtype=object)[places].tolist()
    return texts


def _values(column: Column) -> list[Any]:
    return column.tolist() if isinstance(column, Tensor) else list(column)


def _field(value: object) -> str:
    """Return a field, in quotes if a reader would otherwise take it for more than one."""
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if re.search('[,"\r\n]', text) else text


def gather(columns: dict[str, Column]) -> dict[str, Column]:
    """Return the columns of a batch of all processes in the first of them, and none in the others."""
    if not distributed.is_available() or not distributed.is_initialized():
        return columns
    first = distributed.get_rank() == 0
    parts: list[Any] = [None] * distributed.get_world_size()
    own = {name: _values(column) for name, column in columns.items()}
    distributed.gather_object(own, parts if first else None)
    return {name: interleaved([part[name] for part in parts]) for name in own} if first else {}


def interleaved(parts: list[list[Any]]) -> list[Any]:
    """Return what each process has in the order of the data, as engine.data.loader sharded it."""
    absent = object()
    return [value for dealt in zip_longest(*parts, fillvalue=absent) for value in dealt if value is not absent]
