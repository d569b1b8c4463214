"""Statistics of the inputs, fitted on the training split: those of the task, or of a network that has its own."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from app.networks import Standardizer
from engine import Columns, SupervisedTask, UsageError
from engine.data import batches

OVERLAY = "--config configs/with/mixed_columns.yaml"


def fit_inputs(task: SupervisedTask, own: Standardizer, data: Any) -> None:
    """Fit the network's own `columns` on raw inputs, else the task's standardization, unless a checkpoint has set it.

    Args:
        task: Whose network it is.
        own: Standardizes all inputs; it stays as it is, and changes nothing, where the network has columns.
        data: Training loader or data set.

    Raises:
        UsageError: If the inputs have categories or gaps, and the network takes numbers.
    """
    columns = getattr(task.network, "columns", None)
    mixed = getattr(task.data, "impute", "none") != "none" or bool(getattr(task.data, "categories", None))
    if columns is None and mixed:
        network = type(task.network).__name__
        raise UsageError(f"{network} takes numbers: data with categories or imputed gaps needs {OVERLAY} (TableMLP)")
    prepare = own if columns is None else columns
    if not prepare.fitted:
        prepare.fit(scale(batch[0]) for batch in batches(data))


def scale(inputs: Tensor) -> Tensor:
    """Return uint8 images as floats in [0, 1], anything else as it is."""
    return inputs.float().div_(255) if inputs.dtype == torch.uint8 else inputs


def places(task: SupervisedTask, index: Sequence[Any] | None) -> Columns:
    """Return the column that says which sample a prediction is of, its file or index, if there is an index."""
    if index is None:
        return {}
    files = getattr(task.data, "files", None)
    return {"file": [files[row] for row in index]} if files else {"index": index}
