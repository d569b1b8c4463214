import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support import PROJECT, Result
from torch.nn import functional

from app.data.line import Line
from app.data.linear import Linear
from app.data.threshold import Threshold
from app.tasks import Classification, Regression

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


def scores(app: App, config: str, *arguments: str) -> dict[str, float]:
    fitted = app("fit", "--config", PROJECT / "configs" / f"{config}.yaml", *arguments)
    assert fitted.exit_code == 0, fitted.err
    tested = app("test", "--run", config)
    assert tested.exit_code == 0, tested.err
    found: dict[str, float] = json.loads(Path(f"lightning_logs/{config}/version_0/test.json").read_text())
    return found


def test_the_boundary_is_where_both_classes_are_as_likely(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Threshold, "boundary", 0.7)
    found = scores(app, "threshold", "--trainer.max_epochs", "60")
    path = Path("lightning_logs/threshold/version_0/checkpoints/best.ckpt")
    network = Classification.load_from_checkpoint(path).eval().double()

    def likelier(x: float) -> int:
        with torch.no_grad():
            return int(network(torch.tensor([[x]], dtype=torch.float64)).argmax())

    low, high = -3.0, 3.0
    assert (likelier(low), likelier(high)) == (0, 1)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if likelier(middle) else (middle, high)
    assert low > 0.3
    assert found["test/boundary"] == pytest.approx(low, abs=1e-4)
    assert found["test/boundary_error"] == pytest.approx(abs(low - 0.7), abs=1e-4)


def test_the_coefficients_are_those_of_the_predictions(app: App) -> None:
    found = scores(app, "linear", "--data", "app.data.line.Line", "--trainer.max_epochs", "2")
    path = Path("lightning_logs/linear/version_0/checkpoints/best.ckpt")
    task = Regression.load_from_checkpoint(path).eval()
    inputs, targets = Line(batch_size=16).build("train")
    with torch.no_grad():
        at_zero, at_ten = task(torch.tensor([[0.0], [10.0]]))[:, 0].tolist()
    assert found["test/intercept"] == pytest.approx(at_zero, abs=1e-3)
    assert found["test/slope"] == pytest.approx((at_ten - at_zero) / 10, abs=1e-4)
    slope, intercept = np.polyfit(inputs[:, 0].numpy(), targets[:, 0].numpy(), 1)
    assert found["test/least_squares_slope"] == pytest.approx(slope, rel=1e-4)
    assert found["test/least_squares_intercept"] == pytest.approx(intercept, rel=1e-3)
    assert (found["test/true_slope"], found["test/true_intercept"]) == (3, 2)


def test_the_truth_is_left_out_where_the_data_does_not_know_it(app: App, folder: Path) -> None:
    (folder / "mine.csv").write_text("x,y\n" + "".join(f"{x},{1000 - 5 * x + x % 3}\n" for x in range(60)))
    mine = ["--data", "app.data.tabular.Tabular", "--data.init_args.path", "mine.csv", "--trainer.max_epochs", "2"]
    found = scores(app, "linear", *mine)
    assert "test/slope" in found
    assert not [name for name in found if "true" in name]


PLAIN = """
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

class Plain(LightningDataModule):
    def loader(self, seed):
        x = torch.randn(70, 1, generator=torch.Generator().manual_seed(seed))
        noise = torch.randn(70, 1, generator=torch.Generator().manual_seed(seed + 10))
        return DataLoader(TensorDataset(x, 5 * x - 1 + noise * (1 + seed)), batch_size=64)

    def train_dataloader(self):
        return self.loader(0)

    def val_dataloader(self):
        return self.loader(1)

    test_dataloader = val_dataloader
"""


def test_coefficients_and_loss_ratio_of_any_data_module(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "plain.py").write_text(PLAIN)
    monkeypatch.syspath_prepend(folder)
    network = ["--model.network.in_features=1", "--model.network.out_features=1"]
    both = "[{class_path: app.probes.Coefficients}, {class_path: app.probes.LossRatio}]"
    probes = ["--trainer.callbacks", both, "--trainer.max_epochs", "2"]
    found = scores(app, "linear", "--data", "plain.Plain", *network, *probes)
    plain = importlib.import_module("plain").Plain()
    (x, y), (val_x, val_y) = plain.train_dataloader().dataset.tensors, plain.val_dataloader().dataset.tensors
    slope, intercept = np.polyfit(x[:, 0].numpy(), y[:, 0].numpy(), 1)
    assert found["test/least_squares_slope"] == pytest.approx(slope, rel=1e-4)
    assert found["test/least_squares_intercept"] == pytest.approx(intercept, rel=1e-4)
    task = Regression.load_from_checkpoint(Path("lightning_logs/linear/version_0/checkpoints/last.ckpt")).eval()
    with torch.no_grad():
        ratio = functional.mse_loss(task(x), y) / functional.mse_loss(task(val_x), val_y)
    assert found["test/loss_ratio"] == pytest.approx(ratio.item(), rel=1e-4)


def test_the_loss_ratio_is_one_of_means_over_samples(app: App) -> None:
    sizes = ["--data.train_size", "1500", "--data.val_size", "1100"]  # more than a batch, and not a multiple of one
    found = scores(app, "line", *sizes, "--trainer.max_epochs", "1")
    task = Regression.load_from_checkpoint("lightning_logs/line/version_0/checkpoints/best.ckpt").eval()
    data = Line(train_size=1500, val_size=1100)
    with torch.no_grad():
        train, val = (functional.mse_loss(task(x), y) for x, y in (data.build("train"), data.build("val")))
    assert found["test/loss_ratio"] == pytest.approx((train / val).item(), rel=1e-5)


def test_the_boundary_has_no_error_where_the_data_does_not_know_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Threshold, "boundary")
    monkeypatch.setattr(Threshold, "draw", lambda data, size, random: _sign(torch.randn(size, 1, generator=random)))
    found = scores(app, "threshold", "--trainer.max_epochs", "20")
    assert "test/boundary" in found
    assert "test/boundary_error" not in found


def _sign(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x, (x[:, 0] > 0).long()
