"""A table in a CSV file: any columns as features, one as target."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from engine import DataError, UsageError, nearest
from engine.data.in_memory import InMemory, Split, TensorLoader, evaluation_loader
from engine.data.paths import locate
from engine.data.splits import divide
from engine.data.table import Table, read


class Tabular(InMemory):
    """Rows of a CSV file: inputs (N, features), and targets (N, 1) or, for classification, labels (N,).

    Args:
        path: CSV file with a header; examples/houses.csv and examples/fruit.csv ship with the project.
        target: Column to predict, by name or by position from 0; by default the last.
        features: Columns to predict it from, numbers only; by default all others.
        kind: Predict a number or one of several classes; "auto" takes text in the target for classes.
        classes: Values of the target in the order of their numbers; by default all that occur, sorted.
        val_size: Share of the rows to validate on.
        test_size: Share of the rows to test on.
        whole: Test and predict on every row: for a file that the network was not trained on.
        batch_size: Rows in a batch.
        drop_last: Leave out a last training batch that is smaller.
        balanced: Draw training rows of every class equally often.

    Raises:
        ValueError: If the shares leave nothing to train on, or features are none or named twice.
    """

    def __init__(
        self,
        path: str = "examples/houses.csv",
        target: str | int | None = None,
        features: list[str] | None = None,
        kind: Literal["auto", "regression", "classification"] = "auto",
        classes: list[str] | None = None,
        val_size: float = 0.2,
        test_size: float = 0.2,
        whole: bool = False,
        batch_size: int = 32,
        drop_last: bool = False,
        balanced: bool = False,
    ) -> None:
        """Store the arguments."""
        super().__init__(batch_size, drop_last, balanced=balanced)
        if min(val_size, test_size) <= 0 or val_size + test_size >= 1:
            raise ValueError(f"val_size {val_size} and test_size {test_size} must leave rows to train on")
        if features is not None and (not features or len(set(features)) < len(features)):
            raise ValueError(f"features must be one or more different columns: {features}")
        self.path = path
        self.target = target
        self.features = features
        self.kind = kind
        self.classes = classes
        self.val_size = val_size
        self.test_size = test_size
        self.whole = whole
        self.tensors: tuple[Tensor, Tensor | None] | None = None
        self.lack: str | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns that predict."""
        return tuple(self.features or ())

    @property
    def class_names(self) -> tuple[str, ...]:
        """Values of the target."""
        return tuple(self.classes or ())

    @property
    def target_name(self) -> str:
        """Column that is predicted."""
        return str(self.target)

    def facts(self) -> dict[str, Any]:
        """Return the columns by name, the kind, the classes and the sizes of the file."""
        self._read()
        columns = {"features": self.features, "target": self.target}
        return {**super().facts(), **columns, "kind": self.kind, "classes": self.classes}

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return the rows of a split, stratified by class."""
        inputs, targets = self._read()
        if targets is None:
            raise DataError(f"{self.lack}: {split} needs targets")
        if self.whole and split == "test":
            return inputs, targets
        rows = self._split(targets)[split]
        return inputs[rows], targets[rows]

    def predict_dataloader(self) -> TensorLoader:
        """Return the test split; every row of a file without targets, or that was not trained on."""
        inputs, targets = self._read()
        rows = torch.arange(len(inputs))
        if targets is None:
            return evaluation_loader(TensorDataset(inputs), self.batch_size)
        rows = rows if self.whole else self._split(targets)["test"]
        return evaluation_loader(TensorDataset(inputs[rows], targets[rows], rows), self.batch_size)

    def setup(self, stage: str) -> None:
        """Build what a stage needs; predictions need no targets."""
        if stage != "predict":
            super().setup(stage)

    def _split(self, targets: Tensor) -> dict[Split, Tensor]:
        size, labels = len(targets), None if targets.is_floating_point() else targets
        parts: dict[Split, tuple[int, int]] = {
            "test": (round(self.test_size * size), 0),
            "val": (round(self.val_size * size), 1),
        }
        return divide(labels, size, parts, self.path, self.class_names)

    def _read(self) -> tuple[Tensor, Tensor | None]:
        """Return inputs and, unless the file lacks them, targets; name what settings leave open."""
        if self.tensors is None:
            table = read(locate(self.path))
            target = self._column(table)
            absent = f"{self.path} has no column {self.target}{nearest(str(self.target), table.columns)}"
            self.lack = absent if target is None else table.blank(target)
            known = self.kind == "regression" or (self.kind == "classification" and self.classes)
            if self.lack and (self.features is None or not known):
                raise DataError(self.lack)
            self.target = target or self.target
            if self.features is None:
                self.features = [name for name in table.columns if name != target]
            if target in self.features:
                raise UsageError(f"column {target} is the target and cannot be one of the features as well")
            if not self.features:
                raise DataError(f"{self.path} has one column only, {target}: there is nothing to predict it from")
            targets = None if self.lack or target is None else self._targets(table, target)
            self.tensors = table.numbers(self.features), targets
        return self.tensors

    def _column(self, table: Table) -> str | None:
        """Return the name of the target, None if the file does not have it."""
        if self.whole and isinstance(self.target, str):  # a name by now: never another column of another file
            return self.target if self.target in table.columns else None
        return table.column(-1 if self.target is None else self.target)

    def _targets(self, table: Table, target: str) -> Tensor:
        if self.kind == "auto":
            self.kind = "classification" if self.classes or table.is_text(target) else "regression"
        if self.kind == "regression":
            try:
                return table.numbers([target])
            except DataError as error:
                hint = "\nto predict classes: --config configs/tabular_classes.yaml" if table.is_text(target) else ""
                raise DataError(f"{error}{hint}") from error
        self.classes = self.classes or table.values(target)
        if len(self.classes) < 2:
            raise DataError(f"{self.path}: column {target} has one class only, {self.classes[0]!r}")
        return table.labels(target, self.classes)
