"""Lines of a CSV file, in full precision: what csv.writer makes of columns, in half the time."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any] | Sequence[Any]


def header(names: Iterable[str]) -> str:
    """Return the first line of a file."""
    return f"{','.join(map(_field, names))}\n"


def lines(columns: Sequence[Column]) -> str:
    """Return the lines of columns of one length."""
    return "\n".join([*map(",".join, zip(*map(_texts, columns), strict=True)), ""])


def values(column: Column) -> list[Any]:
    """Return the entries of a column as plain values."""
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def _texts(column: Column) -> Sequence[str]:
    """Return the fields of a column; to write a number takes longest, and so each is written once."""
    if not isinstance(column, np.ndarray) or column.ndim > 1:
        return [_field(value) for value in values(column)]
    numbers = np.asarray(column, np.float64) if column.dtype.kind == "f" else column
    # By their bits, or 0.0 and -0.0 would be one.
    bits = numbers.view(np.int64) if numbers.dtype == np.float64 else numbers
    different, places = np.unique(bits, return_inverse=True)
    texts: list[str] = np.array(list(map(repr, different.view(numbers.dtype).tolist())), dtype=object)[places].tolist()
    return texts


def _field(value: object) -> str:
    """Return a field, in quotes if a reader would otherwise take it for more than one."""
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if re.search('[,"\r\n]', text) else text
