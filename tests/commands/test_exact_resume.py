"""Inside an epoch: whatever step a run stops at, it ends as if it had not."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from support import PROJECT, Result, read_csv
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from engine.training.interruption import Interruption

App = Callable[..., Result]
LOGS = Path("lightning_logs")
EPOCHS = "--trainer.max_epochs=3"
SIZES = [f"--data.init_args.{split}_size={size}" for split, size in (("train", 60), ("val", 20), ("test", 20))]
BATCH = "--data.init_args.batch_size"
OPTIMIZER = "--model.init_args.optimizer"
SCHEDULER = "--model.init_args.lr_scheduler"
MOMENTUM = [OPTIMIZER, "torch.optim.SGD", f"{OPTIMIZER}.init_args.lr=0.01", f"{OPTIMIZER}.init_args.momentum=0.9"]
STOP = "--callbacks.early_stopping"
STOP_EARLY = [STOP, "lightning.pytorch.callbacks.EarlyStopping", f"{STOP}.init_args.monitor=val/loss"]
TASKS = {
    "linear": ["linear", f"{BATCH}=16", "--trainer.accumulate_grad_batches=2"],
    "line": ["line", *SIZES, f"{BATCH}=7"],  # with dropout
    "sine": [
        *["sine", *SIZES, f"{BATCH}=7", *MOMENTUM, "--trainer.gradient_clip_val=0.1"],
        "--model.init_args.network.init_args.linear=noisy",
    ],
    "threshold": ["threshold", *SIZES, f"{BATCH}=7", *STOP_EARLY, f"{STOP}.init_args.patience=1"],
    "tabular": ["tabular", f"{BATCH}=70", f"{SCHEDULER}=app.schedules.WarmupCosine"],
    "tabular_classes": ["tabular_classes", f"{BATCH}=70", "--data.init_args.balanced=true"],
    "product": [
        *["product", *SIZES, f"{BATCH}=7", "--trainer.check_val_every_n_epoch=2"],
        *[f"{SCHEDULER}=torch.optim.lr_scheduler.OneCycleLR", f"{SCHEDULER}.init_args.max_lr=0.1"],
    ],
    "plateau": ["product", *SIZES, f"{BATCH}=7", f"{SCHEDULER}=lightning.pytorch.cli.ReduceLROnPlateau"]
    + [f"{SCHEDULER}.init_args.{setting}" for setting in ("monitor=val/loss", "patience=0", "threshold=0.9")]
    + ["--trainer.check_val_every_n_epoch=1"],
    "max_steps": [
        "product",
        *SIZES,
        f"{BATCH}=7",
        "--trainer.max_epochs=-1",
        "--trainer.max_steps=25",
        "--trainer.check_val_every_n_epoch=1",
    ],
    "val_check_interval": ["product", *SIZES, f"{BATCH}=7", "--trainer.val_check_interval=4"],
    "chars": [
        *["chars", "--data.init_args.path=text.txt", f"{BATCH}=64", "--trainer.limit_train_batches=8"],
        "--model.init_args.network.init_args.hidden=8",
    ],
    "augmented": ["mnist_mlp", "--trainer.limit_train_batches=5"],
}


def stopping_at(steps: dict[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have runs stop once at each step: by a signal, or killed before the next step is saved."""
    listen = Interruption.on_train_batch_end

    def stop(self: Interruption, trainer: Trainer, *arguments: object) -> None:
        how = steps.pop(trainer.global_step, None)
        if how == "signal":
            signal.raise_signal(signal.SIGTERM)
        elif how == "kill":
            raise KeyboardInterrupt
        listen(self, trainer, *arguments)

    monkeypatch.setattr(Interruption, "on_train_batch_end", stop)


def content(run: Path, name: str) -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(run / "checkpoints" / name, weights_only=True)
    return saved


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else bool(a == b)


def curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(run))
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def assert_same(run: Path, other: Path) -> None:
    for name in ("last.ckpt", "best.ckpt"):
        a, b = content(run, name), content(other, name)
        for key in ("state_dict", "optimizer_states", "lr_schedulers"):
            assert same(a[key], b[key]), f"{name}: {key} differs"
        assert (a["epoch"], a["global_step"]) == (b["epoch"], b["global_step"])
    assert read_csv(run / "metrics.csv") == read_csv(other / "metrics.csv")
    assert curves(run) == curves(other)
    records = [json.loads((folder / "run.json").read_text()) for folder in (run, other)]
    for key in ("status", "reason", "best", "epochs", "steps", "diagnosis"):
        assert records[0][key] == records[1][key], key


DRAWN = ("fit", "confusion", "curves", "misclassified", "graph", "boundary", "inputs", "feature_maps", "continuation")
OFTEN = [
    *[f"--dashboard.{panel}=null" for panel in (*DRAWN, "histograms")],
    *["--callbacks.checkpoint.init_args.every_minutes=0", "--dashboard.scalars.init_args.every_n_steps=1"],
]
SLOW = pytest.mark.slow
QUICK = ("product", "augmented")


def ordered(run: Path) -> None:
    """Give event files names in the order in which they were begun: here many are within a second."""
    for number, path in enumerate(sorted(run.glob("events*"), key=lambda path: path.stat().st_mtime_ns)):
        path.rename(run / f"events.out.tfevents.{number:03}")


@pytest.mark.dashboard
@pytest.mark.parametrize(
    "task", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in TASKS]
)
def test_a_run_stopped_at_any_step_ends_as_if_nothing_had_happened(
    task: str, app: App, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    name, *settings = TASKS[task]
    (folder / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 30)
    if task == "augmented":
        root = request.getfixturevalue("small_mnist")
        settings += ["--config", str(PROJECT / "configs/with/augment.yaml")]
        settings += [f"--data.init_args.root={root}", "--data.init_args.val_size=40"]
    command = ["fit", "--config", PROJECT / "configs" / f"{name}.yaml", EPOCHS, *settings, *OFTEN]
    assert app(*command, "--name", "through").exit_code == 0
    last = content(LOGS / "through/version_0", "last.ckpt")["global_step"]
    # In the middle of an epoch; killed with a step to do again; before the validation that ends an epoch.
    batches = last // 3
    stops = (
        {2: "signal", batches + 1: "kill", 2 * batches: "signal"} if task != "threshold" else {2: "kill", 10: "signal"}
    )
    stopping_at(stops, monkeypatch)
    codes = [app(*command, "--name", "stopped").exit_code]
    while codes[-1] in (130, 143):
        ordered(LOGS / "stopped/version_0")
        codes.append(app("fit", "--run", "stopped").exit_code)
    ordered(LOGS / "stopped/version_0")
    assert codes[-1] == 0
    assert not stops
    assert_same(LOGS / "stopped/version_0", LOGS / "through/version_0")
