"""The dashboard of modules whose metrics have names of their own."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from foreign.plain import Batch, Data, Net, NetOfTwo, TwoLoaders, config, read_json, run
from support import Result
from support.events import events, scalars
from tensorboard.plugins.custom_scalar import layout_pb2
from torch import Tensor

from engine.dashboard.scalars import charts_of

App = Callable[..., Result]
pytestmark = pytest.mark.dashboard


class TrainOnly(Net):  # train/loss, as ours, and no val/loss
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = torch.nn.functional.mse_loss(self(batch[0]), batch[1])
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss


class NoValidation(TrainOnly):
    validation_step = None  # type: ignore[assignment]


class NoStage(Net):
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("accuracy", torch.tensor(0.5))


def fitted(app: App, module: type, data: type = Data) -> None:
    result = app("fit", "--config", config(module, data))
    assert result.exit_code == 0, result.err


def best() -> dict[str, float]:
    tags = [tag for tag in events(run()).Tags()["scalars"] if tag.startswith("best/")]
    return {tag.removeprefix("best/"): list(scalars(run(), tag).values())[-1] for tag in tags}


def charts() -> dict[str, list[str]]:
    layout = layout_pb2.Layout()
    layout.ParseFromString(events(run()).Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    return {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}


def test_hparams_show_the_metrics_of_the_best_and_of_its_test_by_their_names(app: App) -> None:
    fitted(app, Net)
    assert app("test", "--run", "plain").exit_code == 0
    metrics = read_json("run.json")["best"]["metrics"]
    wanted = {name: metrics[name] for name in ("val_loss", "val_mae")} | read_json("test.json")
    assert best() == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("module", "data", "names"),
    [
        (NoStage, Data, {"accuracy"}),
        (
            NetOfTwo,
            TwoLoaders,
            {f"val_{name}/dataloader_idx_{loader}" for name in ("loss", "mae") for loader in (0, 1)},
        ),
    ],
)
def test_hparams_of_unusual_names(module: type, data: Any, names: set[str], app: App) -> None:
    fitted(app, module, data)
    assert set(best()) == names


def test_charts_show_training_beside_validation_of_the_same_metric(app: App) -> None:
    fitted(app, Net)
    assert charts()["loss"] == ["^train_loss$", "^val_loss$", "^test_loss$"]
    assert charts()["mae"] == ["^val_mae$", "^test_mae$"]
    assert not any("val/loss" in tag for tags in charts().values() for tag in tags)


@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader`")
@pytest.mark.parametrize("module", [TrainOnly, NoValidation])
def test_a_training_loss_without_ours_of_validation_is_shown_alone(module: type, app: App) -> None:
    fitted(app, module)
    tags = events(run()).Tags()["scalars"]
    assert "train/loss" in tags
    assert "val/loss_ratio" not in tags
    assert "^train/loss$" in charts()["loss"]


def test_curves_are_drawn_of_losses_with_other_names(app: App) -> None:
    fitted(app, Net)
    assert (run() / "figures/curves.png").is_file()


def test_names_with_spaces_and_slashes_have_charts() -> None:
    found = charts_of(["train loss/a", "Validation Loss/a", "acc", "val", "learning_rate/Adam"])
    assert found["loss a"][1] == [r"^Validation\ Loss/a$", r"^train\ loss/a$", r"^test\ Loss/a$"]
    assert list(found) == ["loss a", "acc", "val"]
