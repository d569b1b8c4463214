"""Tables: a CSV file as tensors, or an error that names the row and column that cannot be read."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from engine.data.paths import check_encoding, locate, undecodable
from engine.errors import DataError, UsageError, nearest

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


class Table:
    """A CSV file with a header: columns of numbers as such, all else as text; rows are counted from 1 below it.

    Raises:
        DataError: If it cannot be read, is empty, has a column twice or something else than commas between columns.
        ValueError: If Python knows no encoding of the name.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        check_encoding(encoding)
        self.path = path
        # A byte order mark, which Excel writes, is no part of the first column's name.
        self.encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        try:
            with path.open(encoding=self.encoding) as file:
                header = pd.read_csv(file, dtype=str, header=None, nrows=1).iloc[0].fillna("").tolist()
            separators = [name for sign, name in SEPARATORS.items() if len(header) == 1 and sign in header[0]]
            if separators:
                raise DataError(f"{path}: columns must be separated by commas, and seem to be by {separators[0]}")
            # In one piece: pandas would judge parts of a long column one by one.
            self.frame = pd.read_csv(path, keep_default_na=False, encoding=self.encoding, low_memory=False)
            first = pd.read_csv(path, dtype=str, nrows=1, encoding=self.encoding)
        except UnicodeError as error:
            raise undecodable(path, encoding, error) from error
        except (OSError, ValueError, pd.errors.ParserError) as error:
            raise DataError(f"{path} cannot be read as CSV: {str(error).strip()}") from error
        if self.frame.empty:
            raise DataError(f"{path} has no rows")
        if len(set(header)) < len(header):
            raise DataError(f"{path} has a column twice: {', '.join(header)}")
        if not isinstance(first.index, pd.RangeIndex):  # pandas has taken the first values for names of rows
            raise DataError(f"{path} has more values in a row than the {len(header)} columns of its header")
        self.columns: list[str] = list(self.frame.columns)

    @cached_property
    def texts(self) -> pd.DataFrame:
        """The fields as they are in the file: many times slower to read, and needed only for what is no number."""
        return pd.read_csv(self.path, dtype=str, keep_default_na=False, encoding=self.encoding).fillna("")

    def column(self, column: str | int) -> str | None:
        """Return the name of a column given by name or position, None if there is no such name.

        A text that is no column's name is a position if it is a number: all that the command line gives is text.

        Raises:
            DataError: If there is no such position.
        """
        if column in self.columns:
            return str(column)
        if isinstance(column, str) and not re.fullmatch(r"[+-]?\d+", column):
            return None
        if not -len(self.columns) <= int(column) < len(self.columns):
            raise DataError(f"{self.path} has {len(self.columns)} columns: there is no column {column}")
        return self.columns[int(column)]

    def numbers(self, columns: Sequence[str]) -> Tensor:
        """Return columns as floats (rows, columns).

        Raises:
            DataError: If a column is missing, or a value is not a finite number of 32 bits.
        """
        for name in columns:
            if name not in self.columns:
                raise DataError(f"{self.path} has no column {name}{nearest(name, self.columns)}")
        frame = self.frame[list(columns)]
        if not all(map(self._is_numeric, columns)):
            frame = self.texts[list(columns)].apply(pd.to_numeric, errors="coerce")
        values = frame.to_numpy(dtype=np.float64)
        numbers = torch.tensor(values, dtype=torch.float32)
        wrong = torch.nonzero(~numbers.isfinite()).tolist()
        if wrong:
            row, column = wrong[0]
            reason = "is too large" if np.isfinite(values[row, column]) else "is not a finite number"
            raise DataError(f"{self._cell(row, columns[column])} {reason}{_more(wrong)}")
        return numbers

    def blank(self, column: str) -> str | None:
        """Return in words where a column is blank, None if it is nowhere."""
        if self._is_numeric(column):
            return None
        rows = np.flatnonzero(self.texts[column].str.strip() == "").tolist()
        return f"{self.path}, row {rows[0] + 1}, column {column} is blank{_more(rows)}" if rows else None

    def is_text(self, column: str) -> bool:
        """Return whether a column holds anything but numbers and blanks."""
        if self._is_numeric(column):
            return False
        values = self.texts[column]
        return bool((pd.to_numeric(values, errors="coerce").isna() & (values.str.strip() != "")).any())

    def values(self, column: str) -> list[str]:
        """Return the different values of a column, numbers in their order, else by alphabet."""
        found = list(self.texts[column].unique())
        return sorted(found) if self.is_text(column) else sorted(found, key=float)

    def labels(self, column: str, classes: Sequence[str]) -> Tensor:
        """Return a column as numbers of classes (rows,).

        Raises:
            DataError: If a value is none of the classes.
        """
        numbers = pd.Index(list(classes)).get_indexer(self.texts[column])
        wrong = np.flatnonzero(numbers < 0)
        if len(wrong):
            raise DataError(f"{self._cell(wrong[0], column)} is not one of {', '.join(classes)}")
        return torch.tensor(numbers, dtype=torch.long)

    def _cell(self, row: int, column: str) -> str:
        return f"{self.path}, row {row + 1}, column {column}: {self.texts[column].iloc[row]!r}"

    def _is_numeric(self, column: str) -> bool:
        """Return whether pandas has read every value of a column as a number; a row cut short is read as NaN."""
        values = self.frame[column]
        return values.dtype.kind in "iuf" and not values.isna().any()


def _more(places: Sequence[object]) -> str:
    return f" (and {len(places) - 1} more)" if len(places) > 1 else ""


def rows_of(inputs: str | Sequence[Sequence[float]], names: Sequence[str]) -> Tensor:
    """Return inputs for named columns as floats (N, columns).

    They are lists of numbers in the order of the names, a CSV file with these columns, or `x1=3,x2=4`.

    Raises:
        UsageError: If a number is missing, or there are no names to tell the inputs by.
    """
    if not names:
        raise UsageError("inputs to predict need columns with names, which this data does not have")
    wanted = f"a number for each of {', '.join(names)}"
    if isinstance(inputs, str):
        if "=" not in inputs or Path(inputs).is_file():
            return Table(locate(inputs, beside=Path())).numbers(names)
        pairs = dict(part.partition("=")[::2] for part in re.split(r"[,\s]+", inputs.strip()))
        if set(pairs) != set(names):
            raise UsageError(f"inputs {inputs}: expected {wanted}")
        try:
            inputs = [[float(pairs[name]) for name in names]]
        except ValueError as error:
            raise UsageError(f"inputs: expected {wanted}: {error}") from error
    if not inputs or any(len(row) != len(names) for row in inputs):
        raise UsageError(f"inputs {inputs}: expected {wanted} in every row")
    return torch.tensor(inputs, dtype=torch.float32)
