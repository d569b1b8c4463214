"""Columns of the table of predictions, from whatever predict_step returns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Column = Tensor | Sequence[Any]
Scalar = int | float | complex | str | bytes | np.generic | None  # stands for each sample of a batch
PLAIN = {int, float, str, bool, type(None)}
ALONE = "predicted"  # name of what has no key


class NoRows(Exception):
    """What predict_step returned cannot be made a row for each sample."""


def as_columns(outputs: Any, size: int | None = None, parts: bool = False) -> dict[str, Column]:
    """Return what predict_step returned as columns of one length, named after keys and positions.

    A tensor (B, N) has N columns, predicted_0 to predicted_{N-1}, or KEY_0...; one with more dimensions is a column of
    nested lists. A tuple has columns by position; a list too, unless it has an entry for each of the samples. A single
    number or text is repeated for each of them.

    Args:
        outputs: What it returned.
        size: Number of samples in the batch, if known.
        parts: Whether a list is taken like a tuple, whatever its length.

    Raises:
        NoRows: If it holds other objects, or columns of several lengths.
    """
    found = dict(_leaves("", outputs, None if parts else size))
    lengths = {len(leaf) for leaf in found.values() if not isinstance(leaf, Scalar)}
    if len(lengths) > 1:
        raise NoRows(f"lengths {', '.join(map(str, sorted(lengths)))}")
    rows = lengths.pop() if lengths else 1
    columns = [
        {name: [_plain(leaf)] * rows} if isinstance(leaf, Scalar) else _spread(name, leaf)
        for name, leaf in found.items()
    ]
    merged = {name: column for group in columns for name, column in group.items()}
    if len(merged) < sum(map(len, columns)):
        raise NoRows("two columns of one name")
    return merged


def batch_size(batch: Any) -> int | None:
    """Return the number of samples in a batch: the length of the first tensor in it."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.ndim else None
    inside = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, list | tuple) else ()
    return next((size for size in map(batch_size, inside) if size is not None), None)


def _leaves(name: str, value: Any, size: int | None) -> Iterator[tuple[str, Any]]:
    """Yield columns and scalars by name."""
    value = _by_field(value)
    if isinstance(value, np.ndarray):
        value = torch.as_tensor(value) if value.dtype.kind in "biuf" else value.tolist()
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, Tensor) and value.ndim == 0:
        value = value.item()
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(_joined(name, key), part, size)
    elif isinstance(value, Scalar | Tensor):
        yield name or ALONE, value
    elif isinstance(value, list | tuple) and _is_column(value, size):
        yield from _transposed(name, value)
    elif isinstance(value, list | tuple):
        for place, part in enumerate(value):
            yield from _leaves(_joined(name or ALONE, place), part, size)
    else:
        raise NoRows(f"{type(value).__name__} objects")


def _is_column(values: Sequence[Any], size: int | None) -> bool:
    """Return whether a sequence has an entry for each sample; else it has a column at each position."""
    columns = all(isinstance(value, Tensor) and value.ndim and len(value) == size for value in values)
    if len(values) == size:
        return isinstance(values, list) or not columns
    return isinstance(values, list) and all(isinstance(value, Scalar) for value in values)


def _transposed(name: str, values: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a sequence of samples, each of which may be a dictionary or a tuple."""
    entries = [_by_field(value) for value in values]
    if entries and all(isinstance(entry, tuple) and len(entry) == len(entries[0]) for entry in entries):
        entries = [{f"{place}": part for place, part in enumerate(entry)} for entry in entries]
        name = name or ALONE
    if entries and all(isinstance(entry, Mapping) for entry in entries):
        for key in dict.fromkeys(key for entry in entries for key in entry):
            yield from _transposed(_joined(name, key), [entry.get(key) for entry in entries])
    elif entries and all(isinstance(entry, Tensor) and entry.shape == entries[0].shape for entry in entries):
        yield name or ALONE, torch.stack(entries)
    else:
        yield name or ALONE, [_plain(entry) for entry in entries]


def _by_field(value: Any) -> Any:
    """Return a named tuple as a dictionary, all else as it is."""
    names = getattr(type(value), "__match_args__", ())
    return dict(zip(names, value, strict=True)) if isinstance(value, tuple) and names else value


def _spread(name: str, column: Column) -> dict[str, Column]:
    if not isinstance(column, Tensor) or column.ndim == 1:
        return {name: column}
    flat = column.reshape(len(column), -1) if len(column) else column.flatten(1)
    if flat.shape[1] == 1:
        return {name: flat[:, 0]}
    return (
        {f"{name}_{place}": part for place, part in enumerate(flat.unbind(1))} if column.ndim == 2 else {name: column}
    )


def _plain(value: Any) -> Any:
    """Return a value that can be printed and written as a text.

    Raises:
        NoRows: If it is an object of another kind.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Scalar):
        return value
    raise NoRows(f"{type(value).__name__} objects")


def _joined(name: str, key: object) -> str:
    return f"{name}_{key}" if name else str(key)
