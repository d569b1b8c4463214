"""What a run of a plain module says and keeps: its own files, the next commands, what was cut short."""

import signal
from collections.abc import Callable
from typing import Any

import pytest
import torch
from foreign.plain import Data, Net, config, run
from lightning.pytorch import Callback, LightningModule, Trainer
from support import Result
from torch.utils.data import DataLoader, IterableDataset

App = Callable[..., Result]


class Stop(Callback):
    """Ends a run by a signal in its first epoch."""

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        if trainer.global_step == 3:
            signal.raise_signal(signal.SIGTERM)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield from zip(torch.ones(64, 4), torch.ones(64, 1), strict=True)


class StreamData(Data):
    def train_dataloader(self) -> Any:
        return DataLoader(Stream(), batch_size=4)


class OnlyTrains(Net):
    predict_step = LightningModule.predict_step
    test_step = LightningModule.test_step  # type: ignore[assignment]  # as if it had none
    forward = LightningModule.forward

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.net(batch[0]).mean()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.net(batch[0]).mean())


class Accuracy(Net):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_acc", 0.5)


def checkpoint(**arguments: Any) -> dict[str, Any]:
    return {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": arguments}


def test_a_checkpoint_that_is_called_best_too_lies_apart(app: App) -> None:
    own = checkpoint(filename="best", monitor="val_mae", mode="max")
    result = app("fit", "--config", config(Net, max_epochs=2, callbacks=[own]))
    assert result.exit_code == 0, result.err
    assert "checkpoints/model_checkpoint: best.ckpt and last.ckpt are the run's own" in result.out
    theirs = torch.load(run() / "checkpoints/model_checkpoint/best.ckpt", weights_only=True)
    ours = torch.load(run() / "checkpoints/best.ckpt", weights_only=True)
    assert (theirs["epoch"], ours["epoch"]) == (0, 1)  # the greatest error, and the least


def test_averaging_that_never_began_leaves_no_averaged_weights(app: App) -> None:
    swa = {
        "class_path": "lightning.pytorch.callbacks.StochasticWeightAveraging",
        "init_args": {"swa_lrs": 0.01, "swa_epoch_start": 3},
    }
    path = config(Net, max_epochs=4, max_steps=10, callbacks=[swa])
    assert app("fit", "--config", path).exit_code == 0
    assert not (run() / "checkpoints/averaged.ckpt").exists()


def test_a_stream_that_is_short_is_not_said_to_have_no_loss(app: App) -> None:
    result = app("fit", "--config", config(Net, StreamData, max_epochs=2))
    assert result.exit_code == 0, result.err
    assert "diagnosis: too short to judge: 32 steps" in result.out


def test_a_run_that_was_stopped_before_its_first_validation_is_tested_by_its_last_checkpoint(app: App) -> None:
    stop = {"class_path": f"{__name__}.Stop"}
    path = config(Net, num_sanity_val_steps=0, callbacks=[stop])
    assert app("fit", "--config", path).exit_code == 143
    result = app("test", "--run", "plain")
    assert result.exit_code == 0, result.err
    assert "checkpoints/last.ckpt: epoch 0 (step 3)" in result.out


def test_untrained_weights_are_not_scored(app: App) -> None:
    assert app("fit", "--config", config(Net, max_epochs=1)).exit_code == 0
    path = run() / "checkpoints/last.ckpt"
    content = torch.load(path, weights_only=True)
    counts = content["loops"]["fit_loop"]["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
    content["global_step"] = counts["total"]["ready"] = counts["total"]["completed"] = 0
    torch.save(content, path)
    result = app("test", "--run", "plain", "--ckpt_path", "last")
    assert result.exit_code == 2
    assert "untrained weights" in result.err


@pytest.mark.parametrize("module", [Net, OnlyTrains])
def test_next_are_the_commands_that_a_module_has_steps_for(module: type, app: App) -> None:
    out = app("fit", "--config", config(module, max_epochs=1)).out
    for command in ("test", "predict"):
        assert (f" {command} --run plain/version_0" in out) == (module is Net)


def test_a_score_of_which_more_is_better_is_asked_for(app: App) -> None:
    words = ["--callbacks.checkpoint.monitor", "val_acc"]
    result = app("fit", "--config", config(Accuracy, max_epochs=1), *words)
    assert "the least val_acc; if more is better: --callbacks.checkpoint.mode max" in result.out
    result = app("fit", "--config", config(Accuracy, max_epochs=1), *words, "--callbacks.checkpoint.mode", "max")
    assert "if more is better" not in result.out


def test_a_logger_in_place_of_ours_is_said_to_be_alone(app: App) -> None:
    path = config(
        Net, max_epochs=1, logger={"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "x"}}
    )
    assert "logger+:" in app("fit", "--config", path).out
