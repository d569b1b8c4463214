"""Targets of a table: numbers, one of several classes, or labels that are yes or no."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from engine import DataError, UsageError, nearest
from engine.data import MixedTable

Kind = Literal["auto", "regression", "classification", "multilabel"]
CLASSES = "\nto predict classes: --config configs/tabular_classes.yaml"
LABELS = "\nto predict labels of yes and no: --config configs/multilabel.yaml"


def kind_of(table: MixedTable, names: Sequence[str], classes: Sequence[str] | None) -> Kind:
    """Return what columns are by what they hold: several of yes and no alone are labels, one of text is of classes."""
    if len(names) > 1:
        return "multilabel" if all(map(table.is_yes_no, names)) else "regression"
    return "classification" if classes or table.is_text(names[0]) else "regression"


def target_columns(
    table: MixedTable, asked: Sequence[str | int | None], path: str, by_name: bool
) -> tuple[list[str], str | None]:
    """Return the names of the targets, and in words the first that is not there or has a blank.

    Args:
        table: The file.
        asked: Names, positions, or None for the last column.
        path: What errors call the file.
        by_name: Whether a text is a name, never a position: columns of another file may stand elsewhere.

    Raises:
        UsageError: If one is named twice.
    """
    names, missing = [], None
    for each in asked:
        if by_name and isinstance(each, str):
            name = each if each in table.columns else None
        else:
            name = table.column(-1 if each is None else each)
        absent = f"{path} has no column {each}{nearest(str(each), table.columns)}"
        missing = missing or (absent if name is None else table.blank(name))
        names.append(name or str(each))
    if len(set(names)) < len(names):
        raise UsageError(f"--data.target names a column twice: {', '.join(names)}")
    return names, missing


def targets_of(
    table: MixedTable, names: list[str], kind: Kind, classes: Sequence[str] | None, constant: bool
) -> Tensor:
    """Return numbers (rows, targets), labels of classes (rows,), or 0 and 1 (rows, labels).

    Args:
        table: The file.
        names: Of the columns.
        kind: What they are, not "auto".
        classes: Of a classification.
        constant: Whether a label may be the same in all rows, which leaves nothing to learn.

    Raises:
        DataError: If a column holds anything else.
        UsageError: If several are asked for as classes.
    """
    if kind == "multilabel":
        labels = torch.from_numpy(table.yes_no(names))
        same = [name for name, count in zip(names, labels.sum(0).tolist(), strict=True) if count in (0, len(labels))]
        if same and not constant:
            raise DataError(f"{table.path}: column {same[0]} is {table.words(same[0]).iloc[0]!r} in all rows")
        return labels
    if kind == "classification" and len(names) > 1:
        raise UsageError(f"several targets are numbers, or labels of yes and no: {', '.join(names)}{LABELS}")
    if kind == "classification" and classes:
        if len(classes) < 2:
            raise DataError(f"{table.path}: column {names[0]} has one class only, {classes[0]!r}")
        return torch.from_numpy(table.labels(names[0], classes))
    try:
        return torch.from_numpy(table.numbers(names))
    except DataError as error:
        text = any(name in table.columns and table.is_text(name) for name in names)
        hint = LABELS if all(map(table.is_yes_no, names)) else CLASSES if len(names) == 1 else ""
        raise DataError(f"{error}{hint if text else ''}") from error
