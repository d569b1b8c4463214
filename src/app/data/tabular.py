"""A table in a CSV file: any columns as features, one or several as targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from app.data import categories as texts
from app.data.targets import Kind, kind_of, target_columns, targets_of
from engine import DataError, UsageError
from engine.data import InMemory, MixedTable, Split, divide, is_file, locate, pairs_of, same

HERE = Path(__file__).parent
Impute = Literal["none", "median", "most_frequent"]


@dataclass(frozen=True)
class Rows:
    """What a file holds: its columns by name, and the tensors; no targets, but what is missing, if it lacks them."""

    names: list[str]  # of the targets
    features: list[str]
    kind: Kind
    classes: list[str] | None
    categories: dict[str, list[str]]
    inputs: Tensor
    targets: Tensor | None
    missing: str | None


class Tabular(InMemory):
    """Rows of a CSV file: inputs (N, features); targets (N, targets), classes (N,), or labels (N, labels) of 0 and 1.

    A category is a number in its column of the inputs: 1 for the first of its texts, 0 for a text that is not known.

    Args:
        path: CSV file with a header; examples/houses.csv and others ship with the project.
        target: Column to predict, by name or by position from 0, or a list of several; by default the last.
        features: Columns to predict it from; by default all others.
        kind: Predict numbers, one of several classes, or labels of which each is yes or no; "auto" takes text in the
            one target for classes, and several targets of yes and no, or 1 and 0, for labels.
        classes: Values of the target in the order of their numbers; by default all that occur, sorted.
        categories: Features that hold text: their names, "auto" for all that do, or the texts of each by name. By
            default none. Each text that the training split has twice has a number; others, and later ones, are unknown.
        impute: What the network fills gaps in numbers with: the median or the most frequent number of the training
            split; by default a gap is an error.
        val_size: Fraction of the rows to validate on; 0 for none, the best weights are then the last.
        test_size: Fraction of the rows to test on; 0 for none.
        all_rows: Test and predict on every row: for a file that the network was not trained on.
        encoding: How characters are written in the file: utf-8, gb18030 (Excel on a Chinese Windows), cp1252, ...
        batch_size: Rows in a training batch.

    Raises:
        ValueError: If the fractions leave nothing to train on, or features or targets are none or named twice.
    """

    facts = (
        *InMemory.facts,
        "features",
        "target",
        "kind",
        "classes",
        "categories",
        "category_sizes",
        "impute",
        "labels",
    )
    # What the settings leave open is read from the file.
    features = property(attrgetter("rows.features"))
    kind = property(attrgetter("rows.kind"))
    classes = property(attrgetter("rows.classes"))

    def __init__(
        self,
        path: str = "examples/houses.csv",
        target: list[str | int] | str | int | None = None,
        features: list[str] | None = None,
        kind: Kind = "auto",
        classes: list[str] | None = None,
        categories: dict[str, list[str]] | list[str] | str | None = None,
        impute: Impute = "none",
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
        for name, asked in {"features": features, "target": target if isinstance(target, list) else None}.items():
            if asked is not None and (not asked or len(set(asked)) < len(asked)):
                raise ValueError(f"{name} must be one or more different columns: {asked}")
        self.path = path
        self.impute = impute
        self.sizes: dict[Split, float] = {"test": test_size, "val": val_size}
        self.all_rows = all_rows
        self.encoding = encoding
        self._asked = (target, features, kind, classes)
        self._categories = categories

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns that predict."""
        return tuple(self.rows.features)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Values of the target, if it is a class."""
        return tuple(self.rows.classes or ())

    @property
    def target(self) -> list[str] | str:
        """The column that is predicted, or several."""
        return self.rows.names if isinstance(self._asked[0], list) else self.rows.names[0]

    @property
    def target_name(self) -> str:
        """Columns that are predicted."""
        return ", ".join(self.rows.names)

    @property
    def target_names(self) -> tuple[str, ...]:
        """Columns that are predicted, one by one."""
        return tuple(self.rows.names)

    @property
    def labels(self) -> list[str] | None:
        """Columns that are predicted, if they hold yes and no."""
        return self.rows.names if self.rows.kind == "multilabel" else None

    @property
    def categories(self) -> dict[str, list[str]]:
        """Texts of each feature that holds categories, in the order of their numbers from 1."""
        return self.rows.categories

    @property
    def category_sizes(self) -> list[int]:
        """Numbers of categories of each feature, the unknown one too; 0 for numbers."""
        return [len(self.categories[name]) + 1 if name in self.categories else 0 for name in self.features]

    @classmethod
    def for_other_data(cls, settings: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
        """Return that every row counts, the trained categories, and the targets' names: a position may mean others."""
        path, target = settings.get("path") or "", settings.get("target")
        if same(path, trained.get("path") or "", beside=HERE):
            return {}
        positions = [str(each).lstrip("+-").isdigit() for each in (target if isinstance(target, list) else [target])]
        kept = ("categories", "impute", *(["target"] if target is None or any(positions) else []))
        return {"all_rows": True, **{name: trained.get(name) for name in kept if name in settings}}

    def has(self, split: Split) -> bool:
        """Return whether rows are set apart for a split."""
        return split == "train" or self.sizes[split] > 0 or (split == "test" and self.all_rows)

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return the rows of a split, stratified by class."""
        inputs, targets = self.rows.inputs, self.rows.targets
        if targets is None:
            raise DataError(f"{self.rows.missing}: {split} needs targets")
        chosen = self._chosen(split, targets, self.rows.classes)
        return inputs[chosen], targets[chosen]

    def predicted(self) -> TensorDataset:
        """Return the test split; every row of a file without targets, without a test split or not trained on."""
        inputs, targets = self.rows.inputs, self.rows.targets
        if targets is None:
            return TensorDataset(inputs)
        test = self._chosen("test", targets, self.rows.classes) if self.has("test") else torch.arange(len(inputs))
        return TensorDataset(inputs[test], targets[test], test)

    def given(self, inputs: str | list[list[float]]) -> Tensor:
        """Return given inputs (N, features): texts of categories as their numbers, gaps as NaN."""
        if not isinstance(inputs, str) or (not self.categories and self.impute == "none"):
            return super().given(inputs)
        if is_file(inputs):
            return self._inputs(MixedTable(locate(inputs, beside=Path())), self.features, self.categories)
        table = MixedTable.of([pairs_of(inputs, self.feature_names, "value")], "input")
        try:
            return self._inputs(table, self.features, self.categories)
        except DataError as error:
            raise UsageError(str(error).partition("\n")[0]) from error

    def _chosen(self, split: Split, targets: Tensor, classes: list[str] | None) -> Tensor:
        size, labels = len(targets), None if targets.is_floating_point() or targets.ndim > 1 else targets
        if self.all_rows and split == "test":
            return torch.arange(size)
        seeds: dict[Split, int] = {"test": 0, "val": 1}
        parts = {name: (round(self.sizes[name] * size), seed) for name, seed in seeds.items() if self.sizes[name]}
        return divide(labels, size, parts, self.path, classes or ())[split]

    @cached_property
    def rows(self) -> Rows:
        """The file, read when it is first asked for, and what settings leave open."""
        asked, features, kind, classes = self._asked
        table = MixedTable(locate(self.path, beside=HERE), self.encoding)
        names, missing = target_columns(table, asked if isinstance(asked, list) else [asked], self.path, self.all_rows)
        known = kind in ("regression", "multilabel") or (kind == "classification" and classes)
        if missing and (features is None or not known):
            raise DataError(missing)
        features = features or [name for name in table.columns if name not in names]
        for name in names:
            if name in features:
                raise UsageError(f"column {name} is the target and cannot be one of the features as well")
        if not features:
            what = "one column only" if len(names) == 1 else "no other columns than"
            raise DataError(f"{self.path} has {what}, {', '.join(names)}: there is nothing to predict it from")
        targets = None
        if not missing:
            kind = kind_of(table, names, classes) if kind == "auto" else kind
            classes = classes or table.values(names[0]) if kind == "classification" else classes
            targets = targets_of(table, names, kind, classes, constant=self.all_rows)
        categories = self._fitted(table, features, targets, classes)
        inputs = self._inputs(table, features, categories)
        if targets is not None and self.impute != "none" and not self.all_rows:
            texts.check_known(table, features, inputs[self._chosen("train", targets, classes)])
        return Rows(names, features, kind, classes, categories, inputs, targets, missing)

    def _fitted(
        self, table: MixedTable, features: list[str], targets: Tensor | None, classes: list[str] | None
    ) -> dict[str, list[str]]:
        """Return the texts of each feature of categories: those given, else those of the training split."""
        if isinstance(self._categories, Mapping):
            return dict(self._categories)
        names = texts.chosen(table, features, self._categories)
        if not names:
            return {}
        if targets is None:
            raise DataError(f"{self.path} has no targets: the texts of categories are those of a training split")
        return texts.fitted(table, names, self._chosen("train", targets, classes))

    def _inputs(self, table: MixedTable, features: list[str], categories: Mapping[str, Sequence[str]]) -> Tensor:
        numbers = [name for name in features if name not in categories]
        try:
            values = table.numbers(numbers) if self.impute == "none" else table.numbers_or_gaps(numbers)
        except DataError as error:
            hints = [] if self.all_rows else texts.hints(table, numbers)
            raise DataError("\n".join([str(error), *hints])) from error
        columns = dict(zip(numbers, values.T, strict=True))
        columns |= {name: table.codes(name, words) for name, words in categories.items()}
        return torch.from_numpy(np.stack([columns[name] for name in features], 1) if categories else values)
