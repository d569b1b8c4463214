"""Predictions as a file, and the first of them as a table."""

import contextlib
import csv
import io
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, distributed

from engine import console
from engine.runs import csv_file
from engine.runs.csv_file import lines
from engine.runs.files import replacing
from engine.training.columns import Column, NoRows, as_columns, batch_size


class PredictionsFile(Callback):
    """Writes what predict_step returns, a batch at a time, and prints the first rows.

    predictions.csv has a row for each sample. Batches that cannot be made rows, such as boxes in different numbers, go
    to predictions.pt: a list of what predict_step returned for each of them, on the CPU. Of several processes the first
    writes and prints the rows of all.

    Args:
        rows: How many rows to print.
    """

    def __init__(self, rows: int = 10) -> None:
        self.rows = rows
        self.folder = Path()
        self.count = self.batches = 0
        self._head: list[dict[str, Any]] = []
        self._parts: list[tuple[list[str], IO[bytes]]] = []  # columns and rows; more than one if the columns changed
        self._others: list[Any] = []  # what makes no rows
        self._why = ""
        self._listed: bool | None = None  # whether lists are columns by position, once a batch has told
        self._writing = ExitStack()  # which puts the file in its place when it is closed

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the run's folder."""
        self.folder = Path(trainer.default_root_dir)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the rows of a batch, with the number of its loader where there are several."""
        self.batches += 1
        try:
            columns = {} if outputs is None else self._columns(outputs, batch_size(batch))
        except NoRows as error:
            self._why = str(error)
            columns = None
        if columns and len(trainer.num_predict_batches) > 1:
            rows = len(next(iter(columns.values())))
            columns = {"dataloader_idx": [dataloader_idx] * rows} | columns
        for part in gather(move_data_to_device(outputs, "cpu") if columns is None else None, columns):
            if isinstance(part, Other):
                self._others.append(part.outputs)
            elif part:
                self._write(part)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the complete files in their place, in place of those of an earlier prediction, and print the table."""
        if len(self._parts) > 1:
            self._merge()
        self._writing.close()
        if self._others and trainer.is_global_zero:
            with replacing(self.folder / "predictions.pt") as file:
                torch.save(self._others, file)
        for name in {"predictions.csv", "predictions.pt"} - set(self.files) if trainer.is_global_zero else ():
            (self.folder / name).unlink(missing_ok=True)
        if self.count:
            names = list(dict.fromkeys(name for row in self._head for name in row))
            rows = [[row.get(name, "") for name in names] for row in self._head]
            console.table(f"first {len(rows)} of {self.count} predictions", names, rows)

    @property
    def files(self) -> dict[str, str]:
        """What was written: names of files, and what is in them."""
        found = {"predictions.csv": f"all {console.count(self.count, 'row')}"} if self._parts else {}
        if self._others:
            what = f"what predict_step returned, a list of {len(self._others)} (one for each batch)"
            found["predictions.pt"] = f"{what}, for it makes no rows ({self._why})"
        return found

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no half-written file."""
        with contextlib.suppress(OSError):  # the disk may be full
            self._writing.__exit__(type(exception), exception, exception.__traceback__)

    def _columns(self, outputs: Any, size: int | None) -> dict[str, Column]:
        """Return the columns of a batch; a list means the same in each, even if a batch has as many samples as it."""
        if isinstance(outputs, list) and self._listed is None:
            self._listed = len(outputs) != size and any(isinstance(part, Tensor) for part in outputs)
        return as_columns(outputs, size, bool(self._listed))

    def _write(self, columns: dict[str, Column]) -> None:
        names = list(columns)
        if not self._parts or names != self._parts[-1][0]:
            path = self.folder / "predictions.csv"
            file = io.BytesIO() if self._parts else self._writing.enter_context(replacing(path))
            self._parts.append((names, file))
            file.write(csv_file.header(names).encode())
        arrays = list(map(as_array, columns.values()))
        first = [csv_file.values(column[: max(0, self.rows - len(self._head))]) for column in arrays]
        self._head += [dict(zip(names, row, strict=True)) for row in zip(*first, strict=True)]
        self.count += len(next(iter(columns.values()), ()))
        self._parts[-1][1].write(lines(arrays).encode())

    def _merge(self) -> None:
        """Write the rows anew with all columns, empty where a batch had no such column."""
        (_, file), *more = self._parts
        file.flush()
        texts = [Path(file.name).read_bytes(), *(part.getvalue() for _, part in more if isinstance(part, io.BytesIO))]
        rows = [row for text in texts for row in csv.DictReader(io.StringIO(text.decode(), newline=""))]
        names = list(dict.fromkeys(name for part, _ in self._parts for name in part))
        file.seek(0)
        file.truncate()
        columns = [[row.get(name) for row in rows] for name in names]
        file.write((csv_file.header(names) + lines(columns)).encode())


@dataclass(frozen=True)
class Other:
    """What predict_step returned for a batch that makes no rows."""

    outputs: Any


def as_array(column: Column) -> csv_file.Column:
    """Return a column as numpy has it, which knows no bfloat16."""
    if not isinstance(column, Tensor):
        return column
    return (column.double() if column.is_floating_point() else column).numpy(force=True)


def gather(outputs: Any, columns: dict[str, Column] | None) -> list[dict[str, Column] | Other]:
    """Return in the first process what all have of a batch, as columns or as it is, and nothing in the others."""
    own = Other(outputs) if columns is None else columns
    if not distributed.is_available() or not distributed.is_initialized():
        return [own]
    first = distributed.get_rank() == 0
    found: list[Any] = [None] * distributed.get_world_size()
    plain = own if isinstance(own, Other) else {name: csv_file.values(as_array(column)) for name, column in own.items()}
    distributed.gather_object(plain, found if first else None)
    tables = [part for part in found if not isinstance(part, Other)]
    if not first or len(tables) < len(found) or any(list(part) != list(tables[0]) for part in tables):
        return found if first else []
    return [{name: interleaved([part[name] for part in tables]) for name in tables[0]}]


def interleaved(parts: list[list[Any]]) -> list[Any]:
    """Return what each process has in the order of the data, as engine.data.loader sharded it."""
    absent = object()
    return [value for dealt in zip_longest(*parts, fillvalue=absent) for value in dealt if value is not absent]
