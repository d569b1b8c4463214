"""Columns of inputs by name, as people read them: a category as its text, a gap as nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from engine.data.rows import UNKNOWN


def named(data: Any, inputs: Tensor) -> dict[str, Tensor | Sequence[Any]]:
    """Return the columns of inputs (N, columns) by the names that the data module has for them, else x1, x2..."""
    names = getattr(data, "feature_names", None) or [f"x{number}" for number in range(1, inputs.shape[1] + 1)]
    words = getattr(data, "categories", None)
    words = words if isinstance(words, Mapping) else {}  # other data modules may call so what they like
    return {name: _read(column, words.get(name)) for name, column in zip(names, inputs.unbind(1), strict=True)}


def _read(column: Tensor, words: Sequence[str] | None) -> Tensor | Sequence[Any]:
    if words is not None:
        return [[UNKNOWN, *words][int(number)] for number in column.tolist()]
    gaps = column.isnan()
    if not gaps.any():
        return column
    return [None if gap else value for value, gap in zip(column.tolist(), gaps.tolist(), strict=True)]
