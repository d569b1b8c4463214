"""The fast loop against Lightning's own: the same training to the last bit, whatever is asked of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateFinder
from support import PRODUCT, PROJECT, Result
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from app.data.product import Product
from engine.data import TensorLoader
from engine.training.fast_loop import FastEpochLoop
from engine.training.loop import FastLoop

App = Callable[..., Result]
CONFIGS = ("chars", "cifar10_cnn", "line", "product")
OPTIMIZER, SCHEDULER = "--model.init_args.optimizer", "--model.init_args.lr_scheduler"
TECHNIQUES = {
    "accumulation": ["--trainer.accumulate_grad_batches", "3"],
    "clipping by norm": ["--trainer.gradient_clip_val", "0.1"],
    "clipping by value": ["--trainer.gradient_clip_val", "0.01", "--trainer.gradient_clip_algorithm", "value"],
    "a schedule of steps": [SCHEDULER, "torch.optim.lr_scheduler.OneCycleLR", f"{SCHEDULER}.init_args.max_lr", "0.1"],
    "a schedule of epochs": [SCHEDULER, "torch.optim.lr_scheduler.StepLR", f"{SCHEDULER}.init_args.step_size", "1"],
    "a plateau": [SCHEDULER, "lightning.pytorch.cli.ReduceLROnPlateau", f"{SCHEDULER}.init_args.monitor", "val/loss"],
    "a closure that is called often": [OPTIMIZER, "torch.optim.LBFGS"],
    "a number of steps": ["--trainer.max_steps", "23"],
    "few batches": ["--trainer.limit_train_batches", "3"],
    "validation within epochs": ["--trainer.val_check_interval", "0.4"],
    "validation by batches": ["--trainer.val_check_interval", "13", "--trainer.check_val_every_n_epoch", "null"],
    "early stopping": [
        *("--callbacks.early_stopping", "lightning.pytorch.callbacks.EarlyStopping"),
        *("--callbacks.early_stopping.init_args.monitor", "val/loss"),
        *("--callbacks.early_stopping.init_args.min_delta", "10"),
        *("--callbacks.early_stopping.init_args.patience", "1"),
    ],
    "logs of steps": ["--model", "support.own_tasks.Logs", "--trainer.log_every_n_steps", "1"],
    "a step that returns more": ["--model", "support.own_tasks.Returns"],
    "steps that are left out": ["--model", "support.own_tasks.Skips"],
    "a task that counts steps itself": ["--model", "support.own_tasks.Hooks"],
    "a task that clips itself": ["--model", "support.own_tasks.Clips"],
    "a step without its number": ["--model", "support.own_tasks.NoIndex"],
    "a group of weights that joins": ["--trainer.callbacks+", "support.own_tasks.Joins"],
    "a callback with every hook": ["--trainer.callbacks+", "support.own_tasks.Everything"],
}


class Plain(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return nn.functional.mse_loss(self.layer(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-4)


def train(app: App, *arguments: str | Path) -> tuple[Path, list[Any]]:
    trainers: list[Trainer] = []
    fit = Trainer.fit

    def kept(trainer: Trainer, *given: Any, **named: Any) -> None:
        trainers.append(trainer)
        fit(trainer, *given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "fit", kept)
        result = app("fit", "--trainer.max_epochs", "4", *arguments)
    assert result.exit_code == 0, result.err
    name = str(arguments[list(arguments).index("--name") + 1])
    [trainer] = trainers
    assert (type(trainer.fit_loop.epoch_loop) is FastEpochLoop) == (name == "fast")
    return Path("lightning_logs") / name / "version_0", getattr(trainer, "called", [])


def same(one: object, other: object, where: str = "") -> None:
    if isinstance(one, Tensor):
        assert isinstance(other, Tensor)
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert isinstance(other, dict)
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            same(value, other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert isinstance(other, list | tuple)
        assert len(one) == len(other), where
        for index, value in enumerate(one):
            same(value, other[index], f"{where}.{index}")
    else:
        assert one == other, where


def events(run: Path) -> dict[str, list[tuple[int, float]]]:
    found = EventAccumulator(str(run)).Reload()
    return {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def compare(app: App, *arguments: str | Path) -> None:
    fast, calls = train(app, *arguments, "--name", "fast")
    plain, plain_calls = train(app, *arguments, "--name", "plain", "--callbacks.fast_loop", "null")
    for name in ("best", "last"):
        paths = [run / "checkpoints" / f"{name}.ckpt" for run in (fast, plain)]
        assert paths[0].is_file() == paths[1].is_file()
        if paths[0].is_file():
            one, other = (torch.load(path, weights_only=True) for path in paths)
            same(one, other, name)
    assert (fast / "metrics.csv").read_text() == (plain / "metrics.csv").read_text()
    assert events(fast) == events(plain)
    assert calls == plain_calls


@pytest.mark.parametrize("config", CONFIGS)
def test_each_task_is_trained_alike(app: App, small_data: Callable[[Path], list[str]], config: str) -> None:
    path = PROJECT / "configs" / f"{config}.yaml"
    few = ["--trainer.limit_train_batches", "5", "--trainer.limit_val_batches", "2", "--trainer.max_epochs", "2"]
    compare(app, "--config", path, *small_data(path), *few)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_each_technique_is_the_same(app: App, technique: str) -> None:
    compare(app, "--config", PRODUCT, *TECHNIQUES[technique])


@pytest.mark.dashboard
def test_the_dashboard_sees_the_same(app: App) -> None:
    compare(app, "--config", PRODUCT)


@pytest.mark.filterwarnings("ignore")  # Lightning's own, which the command line filters
def test_it_trains_without_a_data_module() -> None:
    task, (inputs, targets) = Plain(), Product().build("train")
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=100)
    off = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=2, callbacks=[FastLoop()], accelerator="cpu", **off)  # type: ignore[arg-type]
    before = task.layer.weight.detach().clone()
    trainer.fit(task, loader)
    assert trainer.global_step == 20
    assert not torch.equal(before, task.layer.weight)


class Tuned(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.lr = 1e-4


def silent(*callbacks: Callback, epochs: int = 2) -> Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(max_epochs=epochs, accelerator="cpu", callbacks=[FastLoop(), *callbacks], **quiet)  # type: ignore[arg-type]


def loader() -> TensorLoader:
    return TensorLoader(TensorDataset(torch.ones(40, 2), torch.ones(40, 1)), 4)


@pytest.mark.filterwarnings("ignore")  # of Lightning's, about a model without validation
def test_a_second_fit_of_a_trainer_trains_what_it_is_given() -> None:
    trainer, first, second = silent(), Plain(), Plain()
    trainer.fit(first, loader())
    trainer.fit_loop.max_epochs = 4
    before = [parameter.clone() for parameter in (*first.parameters(), *second.parameters())]
    trainer.fit(second, loader())
    moved = [
        not torch.equal(parameter, then)
        for parameter, then in zip((*first.parameters(), *second.parameters()), before, strict=True)
    ]
    assert moved == [False, False, True, True]


@pytest.mark.filterwarnings("ignore")
def test_callbacks_are_called_after_a_search_that_put_others_in_their_place(tmp_path: Path) -> None:
    class Counts(Callback):
        steps = 0

        def on_train_batch_end(self, *args: Any) -> None:
            self.steps += 1

    counts = Counts()
    trainer = silent(LearningRateFinder(num_training_steps=5), counts)
    trainer.fit(Tuned(), loader())
    assert counts.steps == 20
