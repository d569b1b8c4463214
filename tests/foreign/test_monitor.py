"""The best checkpoint of modules whose metrics have names of their own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from foreign.plain import Batch, Data, Net, NetOfTwo, TwoLoaders, config, read_json, run
from support import Result, read_csv
from torch import Tensor, tensor

from engine.logs.metric_names import loss_among
from engine.runs.checkpoint_file import load

App = Callable[..., Result]
MONITOR = "--callbacks.checkpoint.monitor"
SERIES = [3.0, 1.0, 2.0]  # of a metric, in three epochs


class Logs(Net):
    """Logs SERIES by the names of a subclass, a number for each validated epoch."""

    names: tuple[str, ...] = ()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        for name in self.names:
            self.log(name, tensor(SERIES[self.current_epoch % 3]))


class LossSlash(Logs):
    names = ("loss/val", "val_acc")


class LossLong(Logs):
    names = ("Validation Loss",)


class TwoLosses(Logs):
    names = ("val_d_loss", "val_g_loss", "acc_val")


class OneOfThree(Logs):
    names = ("val_box_loss", "valid_loss", "val_mask_loss")


class Ours(Logs):
    names = ("val/loss", "val_loss")


class Silent(Logs):
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return torch.nn.functional.mse_loss(self(batch[0]), batch[1])


class StepAndEpoch(Net):
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("val_loss", tensor(SERIES[self.current_epoch % 3]), on_step=True, on_epoch=True)


class TrainSeries(Net):  # logs a number an epoch in training, when the epoch ends
    def on_train_epoch_end(self) -> None:
        self.log("train_error", tensor(SERIES[self.current_epoch]))


class NotInTheTrial(Net):
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if not self.trainer.sanity_checking:
            self.log("fid", tensor(SERIES[self.current_epoch]))


class EverySecond(Net):
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("val_acc", tensor(0.5))
        if self.current_epoch % 2 == 0:
            self.log("rare", tensor(SERIES[self.current_epoch]))


class NoValidation(Net):
    validation_step = None  # type: ignore[assignment]


def fitted(app: App, module: type, *words: str, data: type | None = Data, **trainer: Any) -> Result:
    result = app("fit", "--config", config(module, data, **{"max_epochs": 3, **trainer}), *words)
    assert result.exit_code == 0, result.err
    return result


def best() -> tuple[str | None, int]:
    """Return the monitor and the epoch of the best, which run.json, best.ckpt and the console agree on."""
    found = read_json("run.json")["best"]
    assert load(run() / "checkpoints/best.ckpt").epoch == found["epoch"]
    return found["monitor"], found["epoch"]


@pytest.mark.parametrize(
    ("names", "loss"),
    [
        (["val_loss", "val_acc"], "val_loss"),
        (["loss/val"], "loss/val"),
        (["ValidLoss", "x"], "ValidLoss"),
        (["val loss"], "val loss"),
        (["loss"], "loss"),
        (["val_ce_loss", "val_acc"], "val_ce_loss"),
        (["val_loss_step", "val_loss", "val_loss_epoch"], "val_loss"),
        (["validation/loss_epoch", "validation/loss_step"], "validation/loss_epoch"),
        (["val_box_loss", "val_loss", "val_mask_loss"], "val_loss"),
        (["val_box_loss", "val_mask_loss"], None),
        (["val_loss", "valid_loss"], None),
        (["val_loss/dataloader_idx_0", "val_loss/dataloader_idx_1"], None),
        (["val_glossary", "val_acc"], None),
        ([], None),
    ],
)
def test_a_loss_is_known_by_its_name_where_there_is_one(names: list[str], loss: str | None) -> None:
    assert loss_among(names) == loss


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (LossSlash, "loss/val"),
        (LossLong, "Validation Loss"),
        (OneOfThree, "valid_loss"),
        (StepAndEpoch, "val_loss"),
    ],
)
def test_the_default_takes_the_validation_loss_and_says_so_once(module: type, name: str, app: App) -> None:
    result = fitted(app, module)
    assert result.out.count(f"best checkpoint: by {name}\n") == 1
    assert best() == (name, 1)
    assert f"best {name} (epoch 1)" in result.out
    assert read_json("run.json")["best"]["score"] == 1.0


def test_our_own_name_comes_first_and_needs_no_line(app: App) -> None:
    assert "best checkpoint" not in fitted(app, Ours).out
    assert best() == ("val/loss", 1)


@pytest.mark.parametrize(
    ("module", "data", "listed"),
    [
        (TwoLosses, Data, "(acc_val, val_d_loss, val_g_loss)"),
        (NetOfTwo, TwoLoaders, "val_loss/dataloader_idx_0, val_loss/dataloader_idx_1"),
    ],
)
def test_without_one_loss_the_newest_is_best_and_a_line_says_how_to_choose(
    module: type, data: type, listed: str, app: App
) -> None:
    result = fitted(app, module, data=data)
    [line] = [line for line in result.out.splitlines() if line.startswith("best checkpoint")]
    assert listed in line
    assert f"{MONITOR} NAME" in line
    assert "mode max" in line
    assert best() == (None, 2)
    assert "newest (epoch 2)" in result.out
    assert app("test", "--run", "plain").exit_code == 0


def test_a_module_that_logs_nothing_has_a_best_too(app: App) -> None:
    result = fitted(app, Silent)
    assert "validation logs no metric" in result.out
    assert best() == (None, 2)


@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader`")
@pytest.mark.parametrize("words", [[], ["--trainer.limit_val_batches", "0"]])
def test_without_validation_the_newest_is_best_after_a_resume_too(words: list[str], app: App) -> None:
    fitted(app, Net if words else NoValidation, *words)
    assert best() == (None, 2)
    assert app("fit", "--run", "plain", "--trainer.max_epochs", "4").exit_code == 0
    assert best() == (None, 3)
    assert app("test", "--run", "plain").exit_code == 0


@pytest.mark.parametrize(("module", "name"), [(TrainSeries, "train_error"), (NotInTheTrial, "fid")])
def test_any_logged_metric_can_decide(module: type, name: str, app: App) -> None:
    result = fitted(app, module, MONITOR, name)
    assert best() == (name, 1)
    assert read_json("run.json")["best"]["score"] == 1.0
    assert "best checkpoint" not in result.out


def test_a_metric_of_training_decides_where_nothing_is_validated(app: App) -> None:
    fitted(app, TrainSeries, MONITOR, "train_error", "--trainer.limit_val_batches", "0")
    assert best() == ("train_error", 1)


def test_one_of_several_loaders_can_decide(app: App) -> None:
    name = "val_loss/dataloader_idx_1"
    fitted(app, NetOfTwo, MONITOR, name, data=TwoLoaders)
    assert best()[0] == name


def test_a_metric_that_is_logged_now_and_then_is_compared_then(app: App) -> None:
    fitted(app, EverySecond, MONITOR, "rare")  # 3 in epoch 0, 2 in epoch 2
    assert best() == ("rare", 2)


def test_a_misspelt_monitor_is_found_before_the_first_step(app: App) -> None:
    result = app("fit", "--config", config(Net), MONITOR, "val_los")
    assert result.exit_code == 2
    assert (
        result.err
        == "error: no metric val_los to find the best checkpoint by; did you mean val_loss? (val_loss, val_mae)\n"
    )
    assert not run().exists()


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("sanity", [0, 2])
def test_a_monitor_that_nothing_logs_ends_a_training_that_is_saved(app: App, epochs: int, sanity: int) -> None:
    path = config(LossSlash, max_epochs=epochs, num_sanity_val_steps=sanity)
    result = app("fit", "--config", path, MONITOR, "fid")
    assert result.exit_code == 2
    assert "no metric fid" in result.err
    for name in ("loss/val", "train_loss", "val_acc"):
        assert name in result.err
    last = torch.load(run() / "checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 5  # an epoch, not one more
    assert read_json("run.json")["status"] == "failed"
    assert app("test", "--run", "plain").exit_code == 0
    result = app("fit", "--run", "plain", MONITOR, "val_acc", "--trainer.max_epochs", "3")
    assert result.exit_code == 0, result.err
    assert best() == ("val_acc", 1)
    assert read_json("run.json")["status"] == "finished"
    assert [row["epoch"] for row in read_csv(run() / "metrics.csv") if row["val_acc"]] == ["0", "1", "2"]


def test_a_resume_with_another_monitor_compares_with_the_score_of_the_old_best(app: App) -> None:
    fitted(app, Logs2, "--trainer.max_epochs", "2")
    assert best() == ("val_loss", 1)
    result = app("fit", "--run", "plain", "--trainer.max_epochs", "3", MONITOR, "down")
    assert result.exit_code == 0, result.err
    assert best() == ("down", 1)  # epoch 2 is worse than what the old best had in this metric
    assert read_json("run.json")["best"]["score"] == -1.0


class Logs2(Net):
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("val_loss", tensor(SERIES[self.current_epoch]))
        self.log("down", tensor([0.0, -1.0, -0.5][self.current_epoch]))


def test_the_settings_of_a_plain_run_name_no_metric_of_its_own(app: App) -> None:
    fitted(app, LossSlash)
    assert "loss/val" not in (run() / "config.yaml").read_text()
    assert json.loads((run() / "run.json").read_text())["best"]["metrics"].keys() >= {"loss/val", "val_acc"}
