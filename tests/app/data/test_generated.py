"""Data drawn from known functions: what is drawn is what the docstrings say."""

import pytest
import torch
from sklearn.datasets import make_regression

from app.data.line import Line
from app.data.linear import Linear
from app.data.threshold import Threshold
from engine.data import Split

SPLITS: tuple[Split, ...] = ("train", "val", "test")


def test_labels_say_what_is_above_zero() -> None:
    inputs, labels = Threshold(train_size=5000).build("train")
    assert labels.tolist() == [int(x > 0) for x in inputs[:, 0].tolist()]
    assert inputs.mean().item() == pytest.approx(0, abs=0.05)
    assert inputs.std().item() == pytest.approx(1, abs=0.05)


def test_the_line_and_its_noise() -> None:
    inputs, targets = Line(train_size=50_000).build("train")
    residuals = targets - (3 * inputs + 2)
    assert residuals.std().item() == pytest.approx(1.5, rel=0.02)
    assert residuals.mean().item() == pytest.approx(0, abs=0.03)
    assert 0 <= inputs.min() < 0.01
    assert 9.99 < inputs.max() <= 10


def test_the_splits_are_all_samples_of_scikit_learn_and_share_none() -> None:
    parts = [Linear().build(split) for split in SPLITS]
    assert [len(inputs) for inputs, _ in parts] == [60, 20, 20]
    ours = sorted((x.item(), y.item()) for inputs, targets in parts for x, y in zip(inputs, targets, strict=True))
    x, y = make_regression(n_samples=100, n_features=1, noise=10, bias=14.5, random_state=3)
    theirs = sorted(zip(torch.tensor(x).float()[:, 0].tolist(), torch.tensor(y).float().tolist(), strict=True))
    assert ours == theirs
    assert len(set(ours)) == 100
