"""Tables: a CSV file as arrays, or an error that names the row and column that cannot be read."""

import copy
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.data.paths import check_encoding, undecodable
from engine.data.rows import Floats, single
from engine.errors import DataError, nearest

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


class Table:
    """A CSV file with a header: columns of numbers as such, all else as text; rows are counted from 1 below it.

    Args:
        path: The file, or what errors call its content.
        encoding: How characters are written in it.
        content: What is in it, where that is no file.

    Raises:
        DataError: If it cannot be read, is empty, has a column twice or something else than commas between columns.
        ValueError: If Python knows no encoding of the name.
    """

    def __init__(self, path: Path, encoding: str = "utf-8", content: bytes | None = None) -> None:
        check_encoding(encoding)
        self.path = path
        self.content = content
        self.encoding = encoding
        self.is_piece = False
        with self._read(header=None, nrows=1, dtype=str) as frame:
            header = frame.iloc[0].fillna("").tolist()
        separators = [name for sign, name in SEPARATORS.items() if len(header) == 1 and sign in header[0]]
        if separators:
            raise DataError(f"{path}: columns must be separated by commas, and seem to be by {separators[0]}")
        with self._read(nrows=1, dtype=str) as first:
            self.columns: list[str] = list(first.columns)
        if first.empty:
            raise DataError(f"{path} has no rows")
        if len(set(header)) < len(header):
            raise DataError(f"{path} has a column twice: {', '.join(header)}")
        if not isinstance(first.index, pd.RangeIndex):  # pandas has taken the first values for names of rows
            raise DataError(f"{path} has more values in a row than the {len(header)} columns of its header")

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The fields, numbers where a whole column has nothing else."""
        # In one piece: pandas would judge parts of a long column one by one.
        with self._read(keep_default_na=False, low_memory=False) as frame:
            return frame

    @cached_property
    def texts(self) -> pd.DataFrame:
        """The fields as they are in the file: many times slower to read, and needed only for what is no number."""
        if self.is_piece:
            return self.frame.astype(object).where(self.frame.notna(), "")
        with self._read(keep_default_na=False, dtype=str) as frame:
            return frame.fillna("")

    def pieces(self, size: int, texts: Sequence[str] = ()) -> Iterator[Self]:
        """Yield tables of so many rows each, so that a large file needs little memory.

        Args:
            size: Rows in each.
            texts: Columns that are read as texts: they alone are in texts as they are in the file.
        """
        kinds = dict.fromkeys(texts, str)
        with self._read(keep_default_na=False, low_memory=False, dtype=kinds, chunksize=size) as frames, frames:
            for frame in frames:
                piece = copy.copy(self)
                piece.frame, piece.is_piece = frame, True
                yield piece

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

    def numbers(self, columns: Sequence[str]) -> Floats:
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
        numbers = single(values)
        if not np.isfinite(numbers).all():
            wrong = np.argwhere(~np.isfinite(numbers)).tolist()
            row, column = wrong[0]
            reason = "is too large" if np.isfinite(values[row, column]) else "is not a finite number"
            raise DataError(f"{self._cell(row, columns[column])} {reason}{more(wrong)}")
        return numbers

    def blank(self, column: str) -> str | None:
        """Return in words where a column is blank, None if it is nowhere."""
        if self._is_numeric(column):
            return None
        rows = np.flatnonzero(self.texts[column].str.strip() == "").tolist()
        return f"{self.path}, row {rows[0] + 1}, column {column} is blank{more(rows)}" if rows else None

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

    def labels(self, column: str, classes: Sequence[str]) -> NDArray[np.int64]:
        """Return a column as numbers of classes (rows,).

        Raises:
            DataError: If a value is none of the classes.
        """
        numbers = pd.Index(list(classes)).get_indexer(self.texts[column])
        wrong = np.flatnonzero(numbers < 0)
        if len(wrong):
            raise DataError(f"{self._cell(wrong[0], column)} is not one of {', '.join(classes)}")
        return np.asarray(numbers, np.int64)

    def _cell(self, row: int, column: str) -> str:
        return f"{self.path}, row {row + 1}, column {column}: {self.texts[column].iloc[row]!r}"

    def _is_numeric(self, column: str) -> bool:
        """Return whether pandas has read every value of a column as a number; a row cut short is read as NaN."""
        values = self.frame[column]
        return values.dtype.kind in "iuf" and not values.isna().any()

    @contextmanager
    def _read(self, **options: Any) -> Iterator[Any]:
        """Yield what pandas reads; what it cannot read, then or later, is a DataError."""
        # A byte order mark, which Excel writes, is no part of the first column's name.
        plain = self.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        source = self.path if self.content is None else io.BytesIO(self.content)
        try:
            yield pd.read_csv(source, encoding="utf-8-sig" if plain else self.encoding, compression=None, **options)
        except UnicodeError as error:
            raise undecodable(self.path, self.encoding, error) from error
        except (OSError, ValueError, pd.errors.ParserError) as error:
            raise DataError(f"{self.path} cannot be read as CSV: {str(error).strip()}") from error


def more(places: Sequence[object]) -> str:
    """Return in words how many places there are beside the first."""
    return f" (and {len(places) - 1} more)" if len(places) > 1 else ""
