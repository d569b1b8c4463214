"""Early stopping and schedules that monitor metrics with names of their own."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from foreign.plain import Net, config, read_json, run
from support import Result, read_csv

App = Callable[..., Result]
STOPPING = "--callbacks.early_stopping"


class Plateau(Net):
    monitor = "train_loss"

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.01)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0, threshold=0.9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": self.monitor}}


class PlateauOfNothing(Plateau):
    monitor = "fid"


class Accuracy(Net):
    def on_validation_epoch_end(self) -> None:
        self.log("acc_val", torch.tensor(0.5))


def stopping(monitor: str) -> list[str]:
    kind = "lightning.pytorch.callbacks.EarlyStopping"
    return [STOPPING, kind, f"{STOPPING}.monitor", monitor, f"{STOPPING}.patience", "1"]


@pytest.mark.parametrize("monitor", ["train_loss", "acc_val", "val_mae"])
def test_training_stops_early_by_any_metric_that_is_logged(monitor: str, app: App) -> None:
    never_better = ["--callbacks.early_stopping.min_delta", "1000"]
    result = app("fit", "--config", config(Accuracy, max_epochs=9), *stopping(monitor), *never_better)
    assert result.exit_code == 0, result.err
    assert read_json("run.json")["reason"] == "stopped early"
    assert read_json("run.json")["epochs"] == 2


def test_nothing_is_missed_before_the_first_validation(app: App) -> None:
    path = config(Net, max_epochs=4, num_sanity_val_steps=0, check_val_every_n_epoch=2)
    result = app("fit", "--config", path, *stopping("val_mae"), "--callbacks.checkpoint.monitor", "val_mae")
    assert result.exit_code == 0, result.err
    assert read_json("run.json")["best"]["monitor"] == "val_mae"


def test_a_plateau_of_a_metric_of_training_lowers_the_rate(app: App) -> None:
    assert app("fit", "--config", config(Plateau, max_epochs=4)).exit_code == 0
    rates = [float(row["learning_rate"]) for row in read_csv(run() / "metrics.csv") if row.get("learning_rate")]
    assert rates[0] == 0.01
    assert rates[-1] < 0.01


@pytest.mark.parametrize(
    ("module", "words", "kind"),
    [(Net, stopping("fid"), "EarlyStopping"), (PlateauOfNothing, [], "ReduceLROnPlateau")],
)
@pytest.mark.parametrize("epochs", [1, 3])
def test_a_metric_that_nothing_logs_ends_a_training_that_is_saved(
    module: type, words: list[str], kind: str, epochs: int, app: App
) -> None:
    result = app("fit", "--config", config(module, max_epochs=epochs), *words)
    assert result.exit_code == 2
    assert f"no metric fid for {kind}" in result.err
    assert "train_loss" in result.err
    last = torch.load(run() / "checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 5
    assert app("test", "--run", "plain").exit_code == 0


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
def test_early_stopping_by_another_metric_goes_on(app: App) -> None:
    assert app("fit", "--config", config(Net, max_epochs=3), *stopping("fid")).exit_code == 2
    result = app("fit", "--run", "plain", f"{STOPPING}.monitor", "val_loss")
    assert result.exit_code == 0, result.err
    assert read_json("run.json")["epochs"] == 3
