"""Inputs to predict that are given with the command: numbers, a CSV file or a text."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from engine.data.paths import locate
from engine.data.table import Table
from engine.errors import DataError, UsageError


def rows_of(inputs: str | Sequence[Sequence[float]], names: Sequence[str], read: Callable[[Table], Tensor]) -> Tensor:
    """Return inputs for named columns as floats (N, columns).

    They are lists of numbers in the order of the names, a CSV file with these columns, or `x1=3,x2=4`.

    Args:
        inputs: As described.
        names: Of the columns.
        read: Returns the inputs in a table with these columns.

    Raises:
        UsageError: If a number is missing, or there are no names to tell the inputs by.
    """
    if not names:
        raise UsageError("inputs to predict need columns with names, which this data does not have")
    wanted = f"a value for each of {', '.join(names)}"
    if isinstance(inputs, str):
        if "=" not in inputs or Path(inputs).is_file():
            return read(Table(locate(inputs, beside=Path())))
        pairs = dict(part.partition("=")[::2] for part in re.split(r"[,\s]+", inputs.strip()))
        if set(pairs) != set(names):
            raise UsageError(f"inputs {inputs}: expected {wanted}")
        try:
            return read(Table.of([pairs], "input"))
        except DataError as error:
            raise UsageError(f"{error}; expected {wanted}") from error
    if not inputs or any(len(row) != len(names) for row in inputs):
        raise UsageError(f"inputs {inputs}: expected {wanted} in every row")
    return torch.tensor(inputs, dtype=torch.float32)
