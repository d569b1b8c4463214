"""Rows that people give: a number for each named column."""

import contextlib
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.paths import locate
from engine.errors import DataError, UsageError, nearest

Floats = NDArray[np.float32]
UNKNOWN = "(unknown)"  # a category that the training split has not


def rows_of(inputs: str | Sequence[Sequence[float]], names: Sequence[str]) -> Floats:
    """Return inputs for named columns as floats (N, columns).

    They are lists of numbers in the order of the names, a CSV file with these columns, or `x1=3,x2=4`.

    Raises:
        UsageError: If a number is missing, or there are no names to tell the inputs by.
    """
    if not names:
        raise UsageError("inputs to predict need columns with names, which this data does not have")
    if isinstance(inputs, str) and is_file(inputs):
        from engine.data.table import Table  # pandas takes half a second

        return Table(locate(inputs, beside=Path())).numbers(names)
    wanted = f"a number for each of {', '.join(names)}"
    if isinstance(inputs, str):
        pairs = pairs_of(inputs, names)
        try:
            inputs = [[float(pairs[name]) for name in names]]
        except ValueError as error:
            raise UsageError(f"inputs: expected {wanted}: {error}") from error
    if not inputs or any(len(row) != len(names) for row in inputs):
        raise UsageError(f"inputs {inputs}: expected {wanted} in every row")
    return single(inputs)


def pairs_of(inputs: str, names: Sequence[str], what: str = "number") -> dict[str, str]:
    """Return `x1=3,x2=4` by name.

    Raises:
        UsageError: If the names are others.
    """
    pairs: dict[str, str] = dict(part.partition("=")[::2] for part in re.split(r"[,\s]+", inputs.strip()))
    if set(pairs) != set(names):
        raise UsageError(f"inputs {inputs}: expected a {what} for each of {', '.join(names)}")
    return pairs


def is_file(inputs: str) -> bool:
    """Return whether inputs name a file, and are no numbers such as `x1=3,x2=4`."""
    return "=" not in inputs or Path(inputs).is_file()


def named_rows(rows: Sequence[Any], names: Sequence[str]) -> Floats:
    """Return rows as floats (N, columns): each an object with a number for each name, or a list in their order.

    Raises:
        DataError: Naming row and column, if there is none, a number is missing or is not finite in 32 bits.
    """
    if not rows:
        raise DataError("there are no rows")
    if all(type(row) is dict for row in rows):  # quick if all is well; else what is wrong is looked for row by row
        values = [[row.get(name) for name in names] for row in rows]
        if {type(value) for row in values for value in row} <= {int, float}:
            with contextlib.suppress(OverflowError):  # an integer beyond 64 bits
                numbers = single(values)
                if np.isfinite(numbers).all():
                    return numbers
    return single([_row(row, names, number) for number, row in enumerate(rows, 1)])


def single(values: Any) -> Floats:
    """Return numbers in 32 bits; one that is too large is infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def _row(row: Any, names: Sequence[str], number: int) -> list[float]:
    if isinstance(row, Mapping):
        missing = [name for name in names if name not in row]
        if missing:
            raise DataError(f"row {number} has no column {missing[0]}{nearest(missing[0], map(str, row))}")
        return [_number(row[name], f"row {number}, column {name}") for name in names]
    if not isinstance(row, list | tuple) or len(row) != len(names):
        raise DataError(f"row {number}: expected a number for each of {', '.join(names)}")
    return [_number(value, f"row {number}, column {name}") for name, value in zip(names, row, strict=True)]


def _number(value: Any, place: str) -> float:
    """Return a number, or the text of one."""
    text = value if isinstance(value, str) else repr(value)[:100]
    try:
        number = math.nan if isinstance(value, bool | list | dict | None) or "_" in text else float(value)
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError):
        number = math.nan
    if not np.isfinite(single(number)).all():
        large = number == math.inf or math.isfinite(number)
        raise DataError(f"{place}: {value!r:.100} {'is too large' if large else 'is not a finite number'}")
    return number
