"""A table in a CSV file: any columns as features, one as target."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from engine import DataError, UsageError, nearest
from engine.data import InMemory, Split, Table, divide, locate, same

HERE = Path(__file__).parent
Kind = Literal["auto", "regression", "classification"]


@dataclass(frozen=True)
class Rows:
    """What a file holds: its columns by name, and the tensors; no targets, but what is missing, if it lacks them."""

    target: str | int | None
    features: list[str]
    kind: Kind
    classes: list[str] | None
    inputs: Tensor
    targets: Tensor | None
    missing: str | None


class Tabular(InMemory):
    """Rows of a CSV file: inputs (N, features), and targets (N, 1) or, for classification, labels (N,).

    Args:
        path: CSV file with a header; examples/houses.csv and examples/fruit.csv ship with the project.
        target: Column to predict, by name or by position from 0; by default the last.
        features: Columns to predict it from, numbers only; by default all others.
        kind: Predict a number or one of several classes; "auto" takes text in the target for classes.
        classes: Values of the target in the order of their numbers; by default all that occur, sorted.
        val_size: Fraction of the rows to validate on; 0 for none, the best weights are then the last.
        test_size: Fraction of the rows to test on; 0 for none.
        all_rows: Test and predict on every row: for a file that the network was not trained on.
        encoding: How characters are written in the file: utf-8, gb18030 (Excel on a Chinese Windows), cp1252, ...
        batch_size: Rows in a training batch.

    Raises:
        ValueError: If the fractions leave nothing to train on, or features are none or named twice.
    """

    facts = (*InMemory.facts, "features", "target", "kind", "classes")
    # What the settings leave open is read from the file.
    features = property(attrgetter("rows.features"))
    target = property(attrgetter("rows.target"))
    kind = property(attrgetter("rows.kind"))
    classes = property(attrgetter("rows.classes"))

    def __init__(
        self,
        path: str = "examples/houses.csv",
        target: str | int | None = None,
        features: list[str] | None = None,
        kind: Kind = "auto",
        classes: list[str] | None = None,
        val_size: float = 0.2,
        test_size: float = 0.2,
        all_rows: bool = False,
        encoding: str = "utf-8",
        batch_size: int = 32,
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size, **kwargs)
        if min(val_size, test_size) < 0 or val_size + test_size >= 1:
            raise ValueError(f"val_size {val_size} and test_size {test_size} must leave rows to train on")
        if features is not None and (not features or len(set(features)) < len(features)):
            raise ValueError(f"features must be one or more different columns: {features}")
        self.path = path
        self.sizes: dict[Split, float] = {"test": test_size, "val": val_size}
        self.all_rows = all_rows
        self.encoding = encoding
        self._asked = (target, features, kind, classes)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns that predict."""
        return tuple(self.rows.features)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Values of the target, if it is a class."""
        return tuple(self.rows.classes or ())

    @property
    def target_name(self) -> str:
        """Column that is predicted."""
        return str(self.rows.target)

    @classmethod
    def for_other_data(cls, settings: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
        """Return that every row counts, and the trained target's name: a position means another column elsewhere."""
        path, target = settings.get("path") or "", settings.get("target")
        if same(path, trained.get("path") or "", beside=HERE):
            return {}
        position = target is None or str(target).lstrip("+-").isdigit()
        return {"all_rows": True, **({"target": trained.get("target")} if position else {})}

    def has(self, split: Split) -> bool:
        """Return whether rows are set apart for a split."""
        return split == "train" or self.sizes[split] > 0 or (split == "test" and self.all_rows)

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return the rows of a split, stratified by class."""
        inputs, targets = self.rows.inputs, self.rows.targets
        if targets is None:
            raise DataError(f"{self.rows.missing}: {split} needs targets")
        chosen = self._chosen(split, targets)
        return inputs[chosen], targets[chosen]

    def predicted(self) -> TensorDataset:
        """Return the test split; every row of a file without targets, without a test split or not trained on."""
        inputs, targets = self.rows.inputs, self.rows.targets
        if targets is None:
            return TensorDataset(inputs)
        chosen = self._chosen("test", targets) if self.has("test") else torch.arange(len(inputs))
        return TensorDataset(inputs[chosen], targets[chosen], chosen)

    def _chosen(self, split: Split, targets: Tensor) -> Tensor:
        size, labels = len(targets), None if targets.is_floating_point() else targets
        if self.all_rows and split == "test":
            return torch.arange(size)
        seeds: dict[Split, int] = {"test": 0, "val": 1}
        parts = {name: (round(self.sizes[name] * size), seed) for name, seed in seeds.items() if self.sizes[name]}
        return divide(labels, size, parts, self.path, self.class_names)[split]

    @cached_property
    def rows(self) -> Rows:
        """The file, read when it is first asked for, and what settings leave open."""
        asked, features, kind, classes = self._asked
        table = Table(locate(self.path, beside=HERE), self.encoding)
        if self.all_rows and isinstance(asked, str):  # a name by now: never another column of another file
            target = asked if asked in table.columns else None
        else:
            target = table.column(-1 if asked is None else asked)
        absent = f"{self.path} has no column {asked}{nearest(str(asked), table.columns)}"
        missing = absent if target is None else table.blank(target)
        if missing and (features is None or not (kind == "regression" or (kind == "classification" and classes))):
            raise DataError(missing)
        features = features or [name for name in table.columns if name != target]
        if target in features:
            raise UsageError(f"column {target} is the target and cannot be one of the features as well")
        if not features:
            raise DataError(f"{self.path} has one column only, {target}: there is nothing to predict it from")
        targets = None
        if target is not None and not missing:
            if kind == "auto":
                kind = "classification" if classes or table.is_text(target) else "regression"
            if kind == "classification":
                classes = classes or table.values(target)
            targets = self._targets(table, target, classes if kind == "classification" else None)
        inputs = torch.from_numpy(table.numbers(features))
        return Rows(target or asked, features, kind, classes, inputs, targets, missing)

    def _targets(self, table: Table, target: str, classes: list[str] | None) -> Tensor:
        if classes is None:
            try:
                return torch.from_numpy(table.numbers([target]))
            except DataError as error:
                hint = "\nto predict classes: --config configs/tabular_classes.yaml" if table.is_text(target) else ""
                raise DataError(f"{error}{hint}") from error
        if len(classes) < 2:
            raise DataError(f"{self.path}: column {target} has one class only, {classes[0]!r}")
        return torch.from_numpy(table.labels(target, classes))
