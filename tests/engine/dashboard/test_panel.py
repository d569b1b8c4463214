"""Panels are callbacks that cost no step, show nothing where they have nothing to show, and never end a training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer
from support import BRIEF, PRODUCT, Result
from torch.optim import Adam

from app.data.line import Line
from app.networks import MLP
from app.tasks import Regression
from engine import process
from engine.dashboard import Panel
from engine.training.fast_loop import STEP_HOOKS, overridden

App = Callable[..., Result]
pytestmark = pytest.mark.filterwarnings(*(f"ignore:{message}" for message in process.WARNINGS))
RUN = Path("lightning_logs/product/version_0")


class Counting(Panel):
    """Notes the epochs at which it draws, and how many samples it was given."""

    draws = 2

    def __init__(self, every_n_epochs: int | None = None, fits: bool = True) -> None:
        super().__init__(every_n_epochs)
        self.fits = fits
        self.samples = 0
        self.drawn: list[tuple[str, int, int]] = []

    def suits(self) -> bool:
        return self.fits

    def update(self, inputs: Any, targets: Any, predictions: Any) -> None:
        assert len(inputs) == len(targets) == len(predictions)
        self.samples += len(inputs)

    def draw(self) -> None:
        self.drawn.append((self.stage, self.epoch, self.samples))
        self.samples = 0


class Failing(Counting):
    def draw(self) -> None:
        super().draw()
        raise RuntimeError("no ink")


def train(panel: Panel, folder: Path, **settings: Any) -> Trainer:
    task = Regression(MLP(1, [4]), Adam)
    off = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(
        callbacks=[panel], default_root_dir=folder, enable_progress_bar=False, **{**off, "max_epochs": 10, **settings}
    )
    trainer.fit(task, datamodule=Line(train_size=40, val_size=30, test_size=20, batch_size=10))
    return trainer


def test_the_base_overrides_no_hook_of_a_step() -> None:
    assert not [name for name in STEP_HOOKS if overridden(Counting(), name, Callback)]


@pytest.mark.parametrize(
    ("every", "validations", "epochs"), [(None, 1, [4, 9]), (3, 1, [2, 5, 8, 9]), (3, 2, [3, 7, 9]), (100, 1, [9])]
)
def test_it_draws_as_often_as_asked_and_the_last_epoch_always(
    every: int | None, validations: int, epochs: list[int], folder: Path
) -> None:
    panel = Counting(every)
    train(panel, folder, check_val_every_n_epoch=validations)
    assert panel.drawn == [("val", epoch, 30) for epoch in epochs]  # each sample once, none of the sanity check


def test_a_test_is_always_drawn_and_a_validation_alone_never(folder: Path) -> None:
    panel = Counting()
    trainer = train(panel, folder)
    panel.drawn.clear()
    trainer.validate(trainer.lightning_module, datamodule=Line(val_size=30), verbose=False)
    assert panel.drawn == []
    trainer.test(trainer.lightning_module, datamodule=Line(test_size=20), verbose=False)
    assert [(stage, samples) for stage, _, samples in panel.drawn] == [("test", 20)]


def test_a_panel_with_nothing_to_show_leaves_the_callbacks(folder: Path) -> None:
    panel = Counting(fits=False)
    trainer = train(panel, folder)
    assert panel.drawn == []
    assert panel not in trainer.callbacks  # type: ignore[attr-defined]


def test_a_panel_that_fails_is_switched_off_and_training_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.watcher.failed", [])
    panel = Failing(every_n_epochs=2)
    trainer = train(panel, folder)
    assert trainer.current_epoch == 10
    assert len(panel.drawn) == 1
    assert "no ink" in capsys.readouterr().err


def test_a_wrong_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="every_n_epochs must be at least 1: 0"):
        Panel(every_n_epochs=0)


@pytest.mark.dashboard
def test_half_written_figures_of_a_killed_run_are_cleared(app: App) -> None:
    off = ["--dashboard.fit", "null"]
    assert app("fit", "--config", PRODUCT, *BRIEF, *off).exit_code == 0
    part = RUN / "figures" / ".val_fit.png.123.part"
    part.write_bytes(b"half")
    assert app("fit", "--run", "product", "--trainer.max_epochs", "6").exit_code == 0
    assert not part.exists()
