import json
import math
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from lightning.pytorch import Trainer
from support import PRODUCT, Result

from app.tasks import Regression
from engine.errors import DivergedError
from engine.runs.plain_values import copied
from engine.training.best_and_last import BestAndLast


@pytest.mark.parametrize(("mode", "scores", "best"), [("min", [3.0, 1.0, 2.0], 1.0), ("max", [1.0, 3.0, 2.0], 3.0)])
def test_the_mode_decides_what_is_better(mode: Literal["min", "max"], scores: list[float], best: float) -> None:
    keeper = BestAndLast(mode=mode)
    for score in scores:
        if keeper._improves(score):
            keeper.best = {"score": score}
    assert keeper.best["score"] == best


def test_without_a_metric_the_newest_is_the_best() -> None:
    keeper = BestAndLast(monitor=None)
    keeper.best = {"score": 1.0}
    assert keeper._improves(2.0)


def test_what_is_not_a_number_is_never_the_best() -> None:
    keeper = BestAndLast()
    assert not keeper._improves(math.nan)
    assert not keeper._improves(-math.inf)
    assert keeper._improves(1.0)


@pytest.mark.parametrize("ending", ["the end", "an error"])
def test_a_best_that_waits_in_memory_is_on_the_disk_when_training_ends(
    app: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(
        "engine.training.best_and_last.MAX_SAVE_FRACTION", 1e-9
    )  # nothing is cheap after the first checkpoint
    written: list[str] = []
    save = BestAndLast.save

    def counted(self: BestAndLast, trainer: Trainer, name: str, pending: dict[str, Any] | None = None) -> None:
        written.append(name)
        save(self, trainer, name, pending)

    def fail(self: Regression) -> None:
        if self.current_epoch == 3:
            raise DivergedError("no number")

    monkeypatch.setattr(BestAndLast, "save", counted)
    if ending == "an error":
        monkeypatch.setattr(Regression, "on_validation_epoch_start", fail)
    every = ("--trainer.check_val_every_n_epoch", "1")
    result = app("fit", "--config", PRODUCT, "--trainer.max_epochs", "4", *every)
    assert result.exit_code == (0 if ending == "the end" else 4)
    run = Path("lightning_logs/product/version_0")
    best, record = (
        torch.load(run / "checkpoints/best.ckpt", weights_only=True),
        json.loads((run / "run.json").read_text()),
    )
    assert written == (["last", "best", "last"] if ending == "the end" else ["last", "best"])
    assert best["score"]["epoch"] == (3 if ending == "the end" else 2)
    assert record["best"] is None or record["best"]["epoch"] == best["score"]["epoch"]
    if ending == "the end":
        result = app("validate", "--run", "product")
        assert result.exit_code == 0
        assert json.loads((run / "validate.json").read_text())["val/loss"] == pytest.approx(best["score"]["value"])


def test_a_best_that_waits_in_memory_does_not_change_with_the_training_that_goes_on() -> None:
    weight, losses = torch.ones(2), [1.0]
    checkpoint = {"state_dict": OrderedDict(weight=weight), "callbacks": {"own": (losses, {"seen": weight})}}
    held = copied(checkpoint)
    weight.zero_()
    losses.append(2.0)
    assert held["state_dict"]["weight"].tolist() == [1, 1]
    assert held["callbacks"]["own"][0] == [1.0]
    assert held["callbacks"]["own"][1]["seen"].tolist() == [1, 1]
