"""What a checkpoint holds comes back as it was, without running code."""

import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.runs.plain_values import copied, refused, to_numpy, to_tensors


def through_a_file(content: dict[Any, Any]) -> dict[Any, Any]:
    file = io.BytesIO()
    torch.save(to_tensors(content), file)
    file.seek(0)
    loaded: dict[Any, Any] = to_numpy(torch.load(file, weights_only=True))
    return loaded


@pytest.mark.parametrize(
    "kind", ["bool", "uint8", "int32", "int64", "uint64", "float16", "float32", "float64", "complex64"]
)
def test_arrays_and_numbers_of_numpy_come_back_with_their_type(kind: str) -> None:
    array = np.array([[0, 1, 2]], dtype=kind)
    content: dict[Any, Any] = {
        "state": OrderedDict(a=array, b=(1, [array[0, 1]])),
        3: {"x": array.T},
        "rest": [0.5] * 3,
    }
    found = through_a_file(content)
    assert found["rest"] == [0.5] * 3
    for value in (found["state"]["a"], found[3]["x"].T):
        assert type(value) is np.ndarray
        assert (value.dtype, value.tolist()) == (array.dtype, array.tolist())
    assert type(found["state"]["b"]) is tuple
    assert type(found["state"]["b"][1][0]) is type(array[0, 1])
    assert found["state"]["b"][1][0] == 1


def test_what_holds_no_numpy_is_saved_as_it_is() -> None:
    content = {"state_dict": OrderedDict(weight=torch.ones(2)), "loops": [{"a": 1}]}
    assert to_tensors(content) is content
    assert refused(content) == {}


def test_what_a_safe_load_refuses_is_named_by_its_key() -> None:
    content = {
        "callbacks": {"Mine": {"seen": [1, {"when": Path("x")}], "fine": torch.Size([2])}},
        "texts": np.array(["a"]),
    }
    assert set(refused(content)) == {"callbacks.Mine.seen.1.when", "texts"}
    assert "Path" in refused(content)["callbacks.Mine.seen.1.when"]


def test_a_copy_of_a_checkpoint_does_not_change_with_it() -> None:
    weight = torch.ones(2)
    held = copied({"callbacks": {"own": ([1.0], {"seen": weight})}})
    weight.zero_()
    assert held["callbacks"]["own"][1]["seen"].tolist() == [1, 1]
