"""What predict_step of a plain module may return."""

from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from foreign.plain import Data, Net, NetOfTwo, TwoLoaders, config, read_json, run
from support import Result, read_csv
from torch import Tensor, nn

App = Callable[..., Result]


class Logits(Net):  # (B, 3)
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return self(batch[0]).repeat(1, 3)


class Rows(Net):
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return [{"x": row[0], "name": f"n{place}"} for place, row in enumerate(batch[0])]


class Columns(Net):  # the last batch has as many samples as the list has columns
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return [batch[0][:, 0], self(batch[0]), batch[0][:, 2], batch[1]]


class Nested(Net):
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return {"head": (self(batch[0]), batch[1]), "threshold": torch.tensor(0.5), "batch": batch_idx}


class Growing(Net):  # another size and another key in each batch
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return {"out": batch[0][:, : 2 + batch_idx], f"key {batch_idx}": batch[1]}


class Boxes(Net):
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return {"boxes": torch.zeros(5, 4), "scores": torch.ones(3)}


class Sometimes(Net):
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return batch[1] if batch_idx == 0 else {"boxes": torch.zeros(5, 4), "scores": torch.ones(3)}


class Nothing(Net):
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return None


class Masks(Net):
    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return {"mask": torch.ones(len(batch[0]), 9, 9)}


class NoForward(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 1)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def predicted(app: App, module: type, data: type = Data) -> Result:
    assert app("fit", "--config", config(module, data, max_epochs=1)).exit_code == 0
    result = app("predict", "--run", "plain")
    assert result.exit_code == 0, result.err
    return result


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (Net, ["predicted"]),
        (Logits, ["predicted_0", "predicted_1", "predicted_2"]),
        (Rows, ["x", "name"]),
        (Columns, ["predicted_0", "predicted_1", "predicted_2", "predicted_3"]),
        (Nested, ["head_0", "head_1", "threshold", "batch"]),
        (Growing, ["out_0", "out_1", "key 0", "out_2", "key 1"]),
    ],
)
def test_every_sample_has_a_row_and_columns_are_named(module: type, names: list[str], app: App) -> None:
    predicted(app, module)
    rows = read_csv(run() / "predictions.csv")
    assert len(rows) == 12
    assert list(rows[0]) == names
    assert not (run() / "predictions.pt").exists()


def test_values_are_those_that_were_returned(app: App) -> None:
    predicted(app, Growing)
    inputs, targets = Data().predict_dataloader().dataset.tensors
    rows = read_csv(run() / "predictions.csv")
    assert [float(row["out_1"]) for row in rows] == inputs[:, 1].tolist()
    assert [row["out_2"] for row in rows] == [""] * 8 + [repr(value) for value in inputs[8:, 2].tolist()]
    assert [row["key 1"] for row in rows] == [""] * 8 + [repr(value) for value in targets[8:, 0].tolist()]


def test_a_list_of_columns_is_none_of_samples_in_a_short_batch(app: App) -> None:
    predicted(app, Columns)
    inputs, targets = Data().predict_dataloader().dataset.tensors
    rows = read_csv(run() / "predictions.csv")
    assert [float(row["predicted_2"]) for row in rows] == inputs[:, 2].tolist()
    assert [float(row["predicted_3"]) for row in rows] == targets[:, 0].tolist()


def test_what_makes_no_rows_is_kept_as_it_is_and_said(app: App) -> None:
    result = predicted(app, Boxes)
    kept = torch.load(run() / "predictions.pt")
    assert [part["boxes"].shape for part in kept] == [(5, 4), (5, 4)]
    assert f"{run() / 'predictions.pt'}" in result.out
    assert "a list of 2 (one for each batch)" in result.out
    assert not (run() / "predictions.csv").exists()


def test_of_rows_and_others_both_are_kept(app: App) -> None:
    result = predicted(app, Sometimes)
    assert len(read_csv(run() / "predictions.csv")) == 8
    assert len(torch.load(run() / "predictions.pt")) == 1
    assert "all 8 rows" in result.out
    assert "predictions.pt" in result.out
    assert app("predict", "--run", "plain", "--model", "foreign.plain.Net").exit_code == 0
    assert len(read_csv(run() / "predictions.csv")) == 12
    assert not (run() / "predictions.pt").exists()  # of another prediction


def test_predictions_of_several_loaders_are_told_apart(app: App) -> None:
    predicted(app, NetOfTwo, TwoLoaders)
    loaders = [row["dataloader_idx"] for row in read_csv(run() / "predictions.csv")]
    assert loaders == ["0"] * 12 + ["1"] * 20


@pytest.mark.filterwarnings("ignore:predict returned None")
def test_a_step_that_returns_nothing_is_no_error(app: App) -> None:
    assert "predict_step returned nothing" in predicted(app, Nothing).out
    assert not list(run().glob("predictions*"))


def test_wide_cells_do_not_fill_the_console(app: App) -> None:
    result = predicted(app, Masks)
    assert max(map(len, result.out.splitlines())) < 150
    assert read_csv(run() / "predictions.csv")[0]["mask"] == str([[1.0] * 9] * 9)


def test_without_a_way_to_predict_it_is_lightnings_own_sentence(app: App) -> None:
    assert app("fit", "--config", config(NoForward, max_epochs=1)).exit_code == 0
    result = app("predict", "--run", "plain")
    assert result.exit_code == 2
    assert "forward" in result.err
    assert len(result.err.splitlines()) == 1
    assert read_json("run.json")["status"] == "finished"
