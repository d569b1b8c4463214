"""Predictions as a file, and the first of them as a table."""

import contextlib
import re
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, distributed

from engine import console
from engine.errors import UsageError
from engine.runs.files import replacing

Column = Tensor | Sequence[Any]


class PredictionsFile(Callback):
    """Writes the columns that predict_step returns to predictions.csv, a batch at a time, and prints the first rows.

    Of several processes the first writes and prints the rows of all.

    Args:
        rows: How many rows to print.
    """

    def __init__(self, rows: int = 10) -> None:
        self.rows = rows
        self.path = Path()
        self.count = 0
        self._head: list[list[Any]] = []
        self._names: list[str] = []
        self._writing = ExitStack()  # which puts the file in its place when it is closed
        self._file: IO[bytes] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the run's folder."""
        self.path = Path(trainer.default_root_dir) / "predictions.csv"

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *args: Any) -> None:
        """Write the rows of a batch."""
        columns = gather(as_columns(outputs))
        if not columns:
            return
        if self._file is None:
            self._names = list(columns)
            self._file = self._writing.enter_context(replacing(self.path))
            self._file.write(f"{','.join(map(_field, columns))}\n".encode())
        missing = max(0, self.rows - len(self._head))
        first = [_values(column[:missing]) for column in columns.values()]
        self._head += [list(row) for row in zip(*first, strict=True)]
        self.count += len(next(iter(columns.values()), ()))
        self._file.write(lines(list(columns.values())).encode())

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the complete file in its place and print the table."""
        self._writing.close()
        if self.count:
            console.table(f"first {len(self._head)} of {self.count} predictions", self._names, self._head)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no half-written file."""
        with contextlib.suppress(OSError):  # the disk may be full
            self._writing.__exit__(type(exception), exception, exception.__traceback__)


def as_columns(outputs: Any) -> dict[str, Column]:
    """Return what predict_step returned as columns; a tensor (B,) or (B, N) has one or N of them.

    Raises:
        UsageError: If it is anything else but a mapping from names to columns.
    """
    if isinstance(outputs, Tensor) and outputs.ndim > 0:
        flat = outputs.reshape(len(outputs), -1)
        names = ["predicted"] if flat.shape[1] == 1 else [f"predicted_{number}" for number in range(flat.shape[1])]
        return dict(zip(names, flat.unbind(1), strict=True))
    if outputs is not None and not isinstance(outputs, dict):
        raise UsageError(f"predict_step must return a tensor or columns {{name: values}}, not {type(outputs).__name__}")
    return outputs or {}


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
