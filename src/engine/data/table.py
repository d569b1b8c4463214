"""Tables: a CSV file as tensors, or an error that names the row and column that cannot be read."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.data.paths import check_encoding, undecodable
from engine.errors import DataError, nearest

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
GAPS = ("", "-", "?", "na", "n/a", "nan", "none", "null")  # what stands for a number that is not known
NO, YES = ("0", "0.0", "no", "false", "否"), ("1", "1.0", "yes", "true", "是")
MONTH, DAY, NAME = "(0?[1-9]|1[0-2])", "(0?[1-9]|[12][0-9]|3[01])", "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
YEAR = "(1[89]|20)[0-9]{2}"
DATE = re.compile(
    rf"({YEAR}[-/]{MONTH}([-/]{DAY})?|{YEAR}[.]{MONTH}[.]{DAY}|{YEAR}年{MONTH}月({DAY}日)?"
    rf"|({DAY}[-/.]{MONTH}|{MONTH}[-/.]{DAY})[-/.]({YEAR}|[0-9]{{2}})"
    rf"|({DAY}[-. ]*)?{NAME}[a-z]*[-. ]*({DAY},? *)?{YEAR})([t ][0-9]{{1,2}}:[0-9]{{2}}.*)?"
)


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

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, str]], name: str) -> "Table":
        """Return a table of rows of texts, by column, with a name for errors."""
        table = cls.__new__(cls)
        table.path = Path(name)
        table.frame = table.texts = pd.DataFrame(list(rows), dtype=str)
        table.columns = list(table.frame.columns)
        return table

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

    def require(self, columns: Sequence[str]) -> None:
        """Raise a DataError if a column is missing."""
        for name in columns:
            if name not in self.columns:
                raise DataError(f"{self.path} has no column {name}{nearest(name, self.columns)}")

    def numbers(self, columns: Sequence[str], gaps: bool = False) -> Tensor:
        """Return columns as floats (rows, columns).

        Args:
            columns: Their names.
            gaps: Whether a value may be left out: blank, NA, NaN, null, ? or - is NaN then, in place of an error.

        Raises:
            DataError: If a column is missing, or a value is not a finite number of 32 bits.
        """
        self.require(columns)
        frame = self.frame[list(columns)]
        if not all(map(self._is_numeric, columns)):
            frame = self.texts[list(columns)].apply(pd.to_numeric, errors="coerce")
        values = frame.to_numpy(dtype=np.float64)
        numbers = torch.tensor(values, dtype=torch.float32)
        refused = ~numbers.isfinite()
        if gaps and refused.any():
            absent = np.stack([self._gaps(name) for name in columns], 1)
            numbers[torch.from_numpy(absent)] = torch.nan
            refused &= ~torch.from_numpy(absent)
        wrong = torch.nonzero(refused).tolist()
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

    def is_mostly_text(self, column: str) -> bool:
        """Return whether more than half of a column, gaps aside, is no number: a few may be mistakes."""
        if self._is_numeric(column):
            return False
        values = pd.to_numeric(self.texts[column][~self._gaps(column)], errors="coerce")
        return bool(values.isna().sum() * 2 > len(values))

    def has_gaps(self, column: str) -> bool:
        """Return whether a column has gaps."""
        return not self._is_numeric(column) and bool(self._gaps(column).any())

    def is_date(self, column: str) -> bool:
        """Return whether a column holds dates, gaps aside."""
        if self._is_numeric(column):
            return False
        values = self.texts[column][~self._gaps(column)].str.strip().str.lower()
        return bool(len(values) and values.str.fullmatch(DATE).all())

    def is_yes_no(self, column: str) -> bool:
        """Return whether a column holds yes and no alone, or 1 and 0, true and false."""
        return bool(self._lower(column).isin(NO + YES).all())

    def yes_no(self, columns: Sequence[str]) -> Tensor:
        """Return columns of yes and no as 1 and 0 (rows, columns).

        Raises:
            DataError: If a column is missing, or a value is neither of the two.
        """
        self.require(columns)
        lower = np.stack([self._lower(name) for name in columns], 1)
        yes = np.isin(lower, YES)
        wrong = np.argwhere(~yes & ~np.isin(lower, NO)).tolist()
        if wrong:
            row, column = wrong[0]
            raise DataError(
                f"{self._cell(row, columns[column])} is neither yes (1, true) nor no (0, false){_more(wrong)}"
            )
        return torch.from_numpy(yes.astype(np.int64))

    def words(self, column: str) -> "pd.Series[str]":
        """Return the texts of a column (rows,) without the spaces around them."""
        self.require([column])
        return self.texts[column].str.strip()

    def codes(self, column: str, words: Sequence[str]) -> Tensor:
        """Return a column as the numbers of its words, from 1 on (rows,); 0 is any other word."""
        return torch.tensor(pd.Index(list(words)).get_indexer(self.words(column)) + 1)

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

    def _lower(self, column: str) -> "pd.Series[str]":
        return self.texts[column].str.strip().str.lower()

    def _gaps(self, column: str) -> NDArray[np.bool_]:
        return np.asarray(self._lower(column).isin(GAPS))

    def _is_numeric(self, column: str) -> bool:
        """Return whether pandas has read every value of a column as a number; a row cut short is read as NaN."""
        values = self.frame[column]
        return values.dtype.kind in "iuf" and not values.isna().any()


def _more(places: Sequence[object]) -> str:
    return f" (and {len(places) - 1} more)" if len(places) > 1 else ""
