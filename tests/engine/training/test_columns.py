from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, tensor

from engine.training.columns import NoRows, as_columns, batch_size


class Pair(NamedTuple):
    label: Any
    score: Any


NUMBERS = tensor([1.0, 2.0])
WIDE = tensor([[1.0, 2.0], [3.0, 4.0]])
MASK = torch.arange(8).view(2, 2, 2)
ROWS: dict[str, tuple[Any, dict[str, list[Any]]]] = {  # of two samples
    "a number a sample": (NUMBERS, {"predicted": [1, 2]}),
    "a number a sample, in a column": (NUMBERS.unsqueeze(1), {"predicted": [1, 2]}),
    "several numbers": (WIDE, {"predicted_0": [1, 3], "predicted_1": [2, 4]}),
    "a mask": (MASK, {"predicted": MASK.tolist()}),
    "an array": (np.array([1, 2]), {"predicted": [1, 2]}),
    "texts in an array": (np.array(["a", "b"]), {"predicted": ["a", "b"]}),
    "by key": ({"label": ["a", "b"], "logits": WIDE}, {"label": ["a", "b"], "logits_0": [1, 3], "logits_1": [2, 4]}),
    "by nested keys": ({"head": {"x": NUMBERS}, 3: range(2)}, {"head_x": [1, 2], "3": [0, 1]}),
    "by position": ((NUMBERS, WIDE), {"predicted_0": [1, 2], "predicted_1_0": [1, 3], "predicted_1_1": [2, 4]}),
    "by name of a field": (Pair(["a", "b"], NUMBERS), {"label": ["a", "b"], "score": [1, 2]}),
    "a list of numbers": ([0.5, 1.5], {"predicted": [0.5, 1.5]}),
    "a list of scalars": ([tensor(1), tensor(2)], {"predicted": [1, 2]}),
    "a list of tensors, one a sample": ([tensor([1]), tensor([2])], {"predicted": [1, 2]}),
    "a list of columns": ([NUMBERS, NUMBERS, NUMBERS], {f"predicted_{place}": [1, 2] for place in range(3)}),
    "a list of samples": (
        [{"label": "a", "box": tensor([1, 2])}, {"label": "b", "box": tensor([3, 4])}],
        {"label": ["a", "b"], "box_0": [1, 3], "box_1": [2, 4]},
    ),
    "boxes in different numbers": (
        [{"boxes": torch.zeros(0, 2)}, {"boxes": torch.ones(1, 2), "more": 1}],
        {"boxes": [[], [[1, 1]]], "more": [None, 1]},
    ),
    "a list of pairs": ([(1, "a"), (2, "b")], {"predicted_0": [1, 2], "predicted_1": ["a", "b"]}),
    "a column and what holds for all": (
        {"p": NUMBERS, "t": tensor(0.5), "model": "big", "none": None},
        {"p": [1, 2], "t": [0.5, 0.5], "model": ["big", "big"], "none": [None, None]},
    ),
    "one number a batch": (tensor(3.0), {"predicted": [3]}),
    "one row a batch": ({"loss": 0.5, "n": np.float32(2)}, {"loss": [0.5], "n": [2]}),
}


def plain(column: Any) -> list[Any]:
    return column.tolist() if isinstance(column, Tensor) else list(column)


@pytest.mark.parametrize("case", ROWS)
def test_columns_are_named_after_keys_and_positions(case: str) -> None:
    outputs, wanted = ROWS[case]
    assert {name: plain(column) for name, column in as_columns(outputs, 2).items()} == wanted


def test_a_list_of_columns_stays_one_in_a_batch_that_is_as_long_as_it() -> None:
    outputs = [NUMBERS, tensor([5.0, 6.0])]
    assert {name: plain(column) for name, column in as_columns(outputs, 2, parts=True).items()} == {
        "predicted_0": [1, 2],
        "predicted_1": [5, 6],
    }


@pytest.mark.parametrize(
    "outputs", [{"a": NUMBERS, "b": torch.zeros(3)}, object(), {"a": object()}, [object()], {"a_0": NUMBERS, "a": WIDE}]
)
def test_what_makes_no_rows_is_not_made_rows(outputs: Any) -> None:
    with pytest.raises(NoRows):
        as_columns(outputs, 2)


@pytest.mark.parametrize("batch", [WIDE, (WIDE, 1), {"text": "a", "x": {"y": [WIDE]}}, ["a", tensor(1), WIDE]])
def test_the_size_of_a_batch_is_that_of_its_first_tensor(batch: Any) -> None:
    assert batch_size(batch) == 2
    assert batch_size(["a", 1]) is None
