import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import PROJECT, Result
from torch.nn import functional

from app.data import Line, Linear
from app.tasks import Regression

App = Callable[..., Result]


def test_least_squares_is_that_of_the_training_split(app: App) -> None:
    assert app("fit", "--config", PROJECT / "configs" / "linear.yaml", "--trainer.max_epochs", "1").exit_code == 0
    assert app("test", "--run", "linear").exit_code == 0
    x, y = (values.double().numpy()[:, 0] for values in Linear().build("train"))
    (slope, intercept), *_ = np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y)
    scores = json.loads(Path("lightning_logs/linear/version_0/test.json").read_text())
    assert scores["test/least_squares_slope"] == pytest.approx(slope, rel=1e-5)
    assert scores["test/least_squares_intercept"] == pytest.approx(intercept, rel=1e-5)


def test_the_loss_ratio_is_the_loss_of_both_splits_without_dropout(app: App) -> None:
    assert app("fit", "--config", PROJECT / "configs" / "line.yaml", "--trainer.max_epochs", "3").exit_code == 0
    assert app("test", "--run", "line").exit_code == 0
    run = Path("lightning_logs/line/version_0")
    task = Regression.load_from_checkpoint(run / "checkpoints" / "best.ckpt").eval()
    data = Line(train_size=400, val_size=100, test_size=100)
    with torch.no_grad():
        losses = [functional.mse_loss(task(x), y) for x, y in (data.build("train"), data.build("val"))]
    ratio = json.loads((run / "test.json").read_text())["test/loss_ratio"]
    assert ratio == pytest.approx((losses[0] / losses[1]).item(), rel=1e-4)
