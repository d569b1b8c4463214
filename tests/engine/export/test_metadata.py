from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from support.plain import Data, Streamed
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from engine.export.metadata import of_inputs, of_outputs
from engine.export.surface import Surface


class Same(LightningModule):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


class Named(Data):
    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values
        self.feature_names = ("rooms", "size")
        self.class_names = ("no", "yes")
        self.target_name = "price"

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(self.values), batch_size=3)


def test_columns_have_names_and_the_range_of_the_training_split() -> None:
    values = torch.tensor([[1.0, 2.5], [4.0, 1.1], [3.0, 7.0], [2.0, 2.1]])
    found = of_inputs(Same(), Named(values), torch.zeros(3, 2))
    assert found == {
        "kind": "table",
        "columns": [
            {"name": "rooms", "min": 1.0, "max": 4.0, "mean": 2.5, "integer": True},
            {"name": "size", "min": 1.1, "max": 7.0, "mean": 3.175, "integer": False},
        ],
    }


@pytest.mark.parametrize("data", [Data(), Streamed()])
def test_columns_without_names_are_numbered(data: LightningDataModule) -> None:
    columns = of_inputs(Same(), data, torch.zeros(3, 4))["columns"]
    assert [column["name"] for column in columns] == ["x1", "x2", "x3", "x4"]
    assert all(column["min"] < 0 < column["max"] for column in columns)


def test_a_training_split_of_other_values_gives_no_ranges() -> None:
    assert of_inputs(Same(), Data(), torch.zeros(3, 2)) == {
        "kind": "table",
        "columns": [{"name": "x1"}, {"name": "x2"}],
    }


def test_bytes_are_images_and_numbers_of_a_vocabulary_are_text() -> None:
    task: Any = Same()
    image = of_inputs(task, None, torch.zeros(2, 3, 20, 30, dtype=torch.uint8))
    assert image == {"kind": "image", "channels": 3, "height": 20, "width": 30, "fit": "resize"}
    numbers = torch.zeros(2, 9, dtype=torch.int64)
    assert of_inputs(task, None, numbers) == {"kind": "tensor", "type": "int64", "shape": [9]}
    task.vocabulary = {"a": 0}  # another meaning of the name
    assert of_inputs(task, None, numbers)["kind"] == "tensor"
    task.vocabulary = "abc"
    assert of_inputs(task, None, numbers) == {"kind": "text", "vocabulary": "abc", "window": 9}
    assert of_inputs(task, None, torch.zeros(2, 3, 8, 8)) == {"kind": "tensor", "type": "float32", "shape": [3, 8, 8]}


def test_outputs_are_named_by_what_they_are() -> None:
    data, plain, classes = Named(torch.zeros(4, 2)), Surface(Same()), Surface(Same())
    assert of_outputs(plain, None, torch.zeros(3, 1), False)["names"] == ["predicted"]
    assert of_outputs(plain, data, torch.zeros(3, 1), False)["names"] == ["price"]
    assert of_outputs(plain, data, torch.zeros(3, 2), False)["names"] == ["predicted_0", "predicted_1"]
    assert of_outputs(plain, data, torch.zeros(3, 2, 4), False) == {"kind": "tensor", "shape": [2, 4]}
    assert classes.name == "predicted"
