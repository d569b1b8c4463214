"""A table in a CSV file: any columns as features, one as target."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from app.data.files import locate
from app.data.memory import InMemory, Split, TensorLoader
from app.data.splits import split as split_of
from app.data.table import Table
from app.errors import DataError, nearest


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
        ValueError: If the shares leave nothing to train on.
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
        self.path = path
        self.target = target
        self.features = features
        self.kind = kind
        self.classes = classes
        self.val_size = val_size
        self.test_size = test_size
        self.whole = whole
        self.tensors: tuple[Tensor, Tensor | None] | None = None

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
        """Return the columns, classes and sizes of the file."""
        self._read()
        return {**super().facts(), "features": self.features, "classes": self.classes, "target": self.target}

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return the rows of a split, stratified by class."""
        inputs, targets = self._read()
        if targets is None:
            raise DataError(f"{self.path} has no column {self.target}, which {split} needs")
        if self.whole and split == "test":
            return inputs, targets
        rows = self._split(targets)[split]
        return inputs[rows], targets[rows]

    def predict_dataloader(self) -> TensorLoader:
        """Return the test split; every row of a file without targets, or that was not trained on."""
        inputs, targets = self._read()
        rows = torch.arange(len(inputs))
        if targets is None:
            return TensorLoader(TensorDataset(inputs), self.batch_size)
        rows = rows if self.whole else self._split(targets)["test"]
        return TensorLoader(TensorDataset(inputs[rows], targets[rows], rows), self.batch_size)

    def setup(self, stage: str) -> None:
        """Build what a stage needs; predictions need no targets."""
        if stage != "predict":
            super().setup(stage)

    def _split(self, targets: Tensor) -> dict[Split, Tensor]:
        labels, size = None if targets.is_floating_point() else targets, len(targets)
        rest, test = split_of(labels, size, round(self.test_size * size), seed=0)
        remaining = None if labels is None else labels[rest]
        train, val = split_of(remaining, len(rest), round(self.val_size * size), seed=1)
        return {"train": rest[train], "val": rest[val], "test": test}

    def _read(self) -> tuple[Tensor, Tensor | None]:
        if self.tensors is None:
            table = Table(locate(self.path))
            target = table.column(-1 if self.target is None else self.target)
            if target in (self.features or ()):  # the last column, or the position given, of a file without targets
                target = None
            if self.features is None:
                if target is None:
                    raise DataError(
                        f"{self.path} has no column {self.target}{nearest(str(self.target), table.columns)}"
                    )
                self.features = [name for name in table.columns if name != target]
                self.target = target
            self.tensors = table.numbers(self.features), None if target is None else self._targets(table, target)
        return self.tensors

    def _targets(self, table: Table, target: str) -> Tensor:
        if self.kind == "regression" or (self.kind == "auto" and not self.classes and not table.is_text(target)):
            return table.numbers([target])
        self.classes = self.classes or table.values(target)
        if len(self.classes) < 2:
            raise DataError(f"{self.path}: column {target} has one class only, {self.classes[0]!r}")
        return table.labels(target, self.classes)
