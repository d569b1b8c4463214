"""What goes wrong around a run: a full disk, a folder that is gone, two processes; what was good stays."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from lightning.pytorch import Trainer
from support import PRODUCT, Result
from torch import Tensor

from app.tasks import Regression
from engine.runs import folder as runs
from engine.training.interruption import Interruption

App = Callable[..., Result]
RUN = Path("lightning_logs/product/version_0")
LAST = RUN / "checkpoints" / "last.ckpt"
FIT = ["fit", "--config", str(PRODUCT), "--trainer.check_val_every_n_epoch=1"]
EPOCHS = "--trainer.max_epochs"
EVERY_EPOCH = "--callbacks.checkpoint.init_args.every_n_epochs=1"


def weights() -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(LAST, weights_only=True)["state_dict"]
    return state


def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RUN / "run.json").read_text())
    return found


def at_step(step: int, action: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something happen once, after a step of training."""
    listen, done = Interruption.on_train_batch_end, list[int]()

    def act(self: Interruption, trainer: Trainer, *arguments: object) -> None:
        if trainer.global_step == step and not done:
            done.append(step)
            action()
        listen(self, trainer, *arguments)

    monkeypatch.setattr(Interruption, "on_train_batch_end", act)


@pytest.fixture
def small_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work on a disk of 400 kB."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs a disk that can be filled: a tmpfs, which only root may mount on Linux")
    try:
        monkeypatch.chdir(disk)
        yield disk
    finally:
        os.chdir(folder)
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path, room: int = 0) -> None:
    """Leave only some bytes free."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "filler").write_bytes(bytes(max(0, free - room)))


@pytest.mark.parametrize(
    "room", [pytest.param(0, marks=pytest.mark.slow), 16_000]
)  # for no event, and for no checkpoint
def test_a_disk_that_fills_up_while_training_costs_nothing_once_there_is_room(
    room: int, app: App, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = [*FIT, EVERY_EPOCH, EPOCHS, "4"]
    assert app(*fit, "--name", "through").exit_code == 0
    through = torch.load("lightning_logs/through/version_0/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    shutil.rmtree("lightning_logs")
    at_step(25, lambda: fill(small_disk, room), monkeypatch)
    result = app(*fit)
    assert result.exit_code == 1
    assert "No space left on device" in result.err
    assert len(result.err.splitlines()) < 3
    assert torch.load(LAST, weights_only=True)["global_step"] >= 20
    assert not list(RUN.rglob("*.part"))
    assert runs.Run(RUN).status != "running"
    (small_disk / "filler").unlink()
    assert app("fit", "--run", "product").exit_code == 0
    assert all(torch.equal(value, weights()[name]) for name, value in through.items())


@pytest.mark.slow
def test_a_full_disk_leaves_the_predictions_before(app: App, small_disk: Path) -> None:
    assert app(*FIT, EPOCHS, "1").exit_code == 0
    assert app("predict", "--run", "product").exit_code == 0
    before = (RUN / "predictions.csv").read_bytes()
    fill(small_disk)
    result = app("predict", "--run", "product")
    assert result.exit_code == 1
    assert "No space left on device" in result.err
    assert (RUN / "predictions.csv").read_bytes() == before
    assert not list(RUN.rglob("*.part"))


def test_a_run_whose_folder_is_deleted_stops_and_does_not_bring_it_back(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_step(15, lambda: shutil.rmtree(RUN), monkeypatch)
    result = app(*FIT, EPOCHS, "4")
    assert result.exit_code == 1
    assert "product/version_0 was deleted while the run trained" in result.err
    assert not RUN.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permissions of this kind")
def test_a_run_whose_folder_becomes_read_only_keeps_its_checkpoint(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = os.geteuid() == 0

    def protect() -> None:
        for path in (RUN, RUN / "checkpoints"):
            path.chmod(0o555)
        if root:  # to whom no permission applies
            folder.chmod(0o755)
            os.seteuid(65534)

    at_step(25, protect, monkeypatch)
    try:
        result = app(*FIT, EVERY_EPOCH, EPOCHS, "4")
    finally:
        if root:
            os.seteuid(0)
        for path in (RUN, RUN / "checkpoints"):
            path.chmod(0o755)
    assert result.exit_code == 1
    assert "Permission denied" in result.err
    assert torch.load(LAST, weights_only=True)["global_step"] == 20
    assert app("fit", "--run", "product").exit_code == 0


def test_a_run_that_is_alive_is_not_resumed(app: App) -> None:
    assert app(*FIT, EPOCHS, "1").exit_code == 0
    runs.Run(RUN).update(status="running")
    with FileLock(RUN / ".lock"):
        result = app("fit", "--run", "product", EPOCHS, "2")
        assert result.exit_code == 2
        assert "product/version_0 is being trained by another process" in result.err
        assert runs.Run(RUN).status == "running"
    assert runs.Run(RUN).status == "interrupted"
    assert app("fit", "--run", "product", EPOCHS, "2").exit_code == 0
    assert record()["resumed"][0]["was"] == "interrupted"
    assert record()["status"] == "finished"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="without fork nothing is inherited")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_that_outlives_a_run_does_not_hold_its_lock(folder: Path) -> None:
    run = runs.Run(folder)
    with FileLock(run.lock):
        (begun, begin), (told, tell) = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.write(begin, b"x")
            os.read(told, 1)
            os._exit(0)
        os.read(begun, 1)
        while_it_runs = run.alive
    afterwards = run.alive
    os.write(tell, b"x")
    os.waitpid(child, 0)
    assert while_it_runs
    assert not afterwards


@pytest.mark.slow
def test_what_a_killed_process_left_half_written_is_never_read_and_is_cleared_away(app: App) -> None:
    assert app(*FIT, EPOCHS, "1").exit_code == 0
    halves = [LAST.with_name(".last.ckpt.123.part"), RUN / ".run.json.123.part"]
    for half in halves:
        half.write_bytes(LAST.read_bytes()[:100])
    assert app("test", "--run", "product").exit_code == 0
    assert app("fit", "--run", "product", EPOCHS, "2").exit_code == 0
    assert not any(half.exists() for half in halves)


def test_a_run_killed_at_its_very_end_is_recorded_as_finished(app: App) -> None:
    assert app(*FIT, EPOCHS, "2").exit_code == 0
    finished = record()
    (RUN / "run.json").write_text(json.dumps(finished | {"status": "running", "reason": None, "diagnosis": None}))
    assert app("fit", "--run", "product").exit_code == 0
    assert record() == finished


@pytest.mark.parametrize(
    "step", [3, pytest.param(10, marks=pytest.mark.slow)]
)  # in the middle of an epoch, and with the last step before a validation
def test_a_gradient_that_is_not_finite_is_found_before_any_weights_are_saved(
    step: int, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, steps = Regression.loss, list[int]()

    def explode(self: Regression, outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.requires_grad:
            steps.append(1)
            if len(steps) == step:
                outputs.register_hook(lambda gradient: gradient * float("inf"))
        return loss(self, outputs, targets)

    monkeypatch.setattr(Regression, "loss", explode)
    result = app(*FIT, EPOCHS, "4", "--callbacks.checkpoint.init_args.every_minutes=0")
    assert result.exit_code == 4
    for words in (
        "gradient",
        f"step {step}",
        "epoch 0",
        "batch",
        "--trainer.gradient_clip_val",
        "optimizer.lr",
    ):
        assert words in result.err
    assert all(value.isfinite().all() for value in weights().values())
    assert record()["status"] == "diverged"
    with contextlib.suppress(FileNotFoundError):
        best = torch.load(RUN / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
        assert all(value.isfinite().all() for value in best.values())
