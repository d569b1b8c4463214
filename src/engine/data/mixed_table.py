"""Tables of more than numbers: texts, gaps, dates, yes and no."""

import copy
import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.data.rows import Floats
from engine.data.table import Table, more
from engine.errors import DataError, nearest

GAPS = ("", "-", "?", "na", "n/a", "nan", "none", "null")  # what stands for a number that is not known
NO, YES = ("0", "0.0", "no", "false", "否"), ("1", "1.0", "yes", "true", "是")
MONTH, DAY, NAME = "(0?[1-9]|1[0-2])", "(0?[1-9]|[12][0-9]|3[01])", "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
YEAR = "(1[89]|20)[0-9]{2}"
DATE = re.compile(
    rf"({YEAR}[-/]{MONTH}([-/]{DAY})?|{YEAR}[.]{MONTH}[.]{DAY}|{YEAR}年{MONTH}月({DAY}日)?"
    rf"|({DAY}[-/.]{MONTH}|{MONTH}[-/.]{DAY})[-/.]({YEAR}|[0-9]{{2}})"
    rf"|({DAY}[-. ]*)?{NAME}[a-z]*[-. ]*({DAY},? *)?{YEAR})([t ][0-9]{{1,2}}:[0-9]{{2}}.*)?"
)


class MixedTable(Table):
    """A table whose columns may hold texts, yes and no, or numbers with gaps."""

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, str]], name: str) -> "MixedTable":
        """Return a table of rows of texts, by column, with a name for errors."""
        file = io.StringIO()
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
        return cls(Path(name), content=file.getvalue().encode())

    def require(self, columns: Sequence[str]) -> None:
        """Raise a DataError if a column is missing."""
        for name in columns:
            if name not in self.columns:
                raise DataError(f"{self.path} has no column {name}{nearest(name, self.columns)}")

    def numbers_or_gaps(self, columns: Sequence[str]) -> Floats:
        """Return columns as floats (rows, columns), NaN where a value is left out: blank, NA, NaN, null, ? or -.

        Raises:
            DataError: If a column is missing, or another value is not a finite number of 32 bits.
        """
        self.require(columns)
        if not any(map(self.has_gaps, columns)):
            return self.numbers(columns)
        absent = np.stack([self._gaps(name) for name in columns], 1)
        filled = copy.copy(self)
        filled.texts = self.texts[list(columns)].mask(absent, "0")
        numbers = filled.numbers(columns)
        numbers[absent] = np.nan
        return numbers

    def has_gaps(self, column: str) -> bool:
        """Return whether a column has gaps."""
        return not self._is_numeric(column) and bool(self._gaps(column).any())

    def is_mostly_text(self, column: str) -> bool:
        """Return whether more than half of a column, gaps aside, is no number: a few may be mistakes."""
        if self._is_numeric(column):
            return False
        values = pd.to_numeric(self.texts[column][~self._gaps(column)], errors="coerce")
        return bool(values.isna().sum() * 2 > len(values))

    def is_date(self, column: str) -> bool:
        """Return whether a column holds dates, gaps aside."""
        if self._is_numeric(column):
            return False
        values = self._lower(column)[~self._gaps(column)]
        return bool(len(values) and values.str.fullmatch(DATE).all())

    def is_yes_no(self, column: str) -> bool:
        """Return whether a column holds yes and no alone, or 1 and 0, true and false."""
        return bool(self._lower(column).isin(NO + YES).all())

    def yes_no(self, columns: Sequence[str]) -> NDArray[np.int64]:
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
            cell = self._cell(row, columns[column])
            raise DataError(f"{cell} is neither yes (1, true) nor no (0, false){more(wrong)}")
        return yes.astype(np.int64)

    def words(self, column: str) -> "pd.Series[str]":
        """Return the texts of a column (rows,) without the spaces around them."""
        self.require([column])
        return self.texts[column].str.strip()

    def codes(self, column: str, words: Sequence[str]) -> Floats:
        """Return a column as the numbers of its words, from 1 on (rows,); 0 is any other word."""
        return np.asarray(pd.Index(list(words)).get_indexer(self.words(column)) + 1, np.float32)

    def _lower(self, column: str) -> "pd.Series[str]":
        return self.texts[column].str.strip().str.lower()

    def _gaps(self, column: str) -> NDArray[np.bool_]:
        return np.asarray(self._lower(column).isin(GAPS))
