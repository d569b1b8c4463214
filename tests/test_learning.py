"""Learning to the stated thresholds; the median of several seeds, because one seed is luck."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import PRODUCT, PROJECT, Result

App = Callable[..., Result]


def median_scores(app: App, seeds: int, config: Path, *arguments: str | Path) -> dict[str, float]:
    torch.set_num_threads(2)
    scores = []
    for seed in range(seeds):
        fitted = app("fit", "--config", config, "--seed_everything", str(seed), *arguments)
        assert fitted.exit_code == 0, fitted.err
        assert app("test", "--run", config.stem).exit_code == 0
        scores.append(json.loads(Path(f"lightning_logs/{config.stem}/version_{seed}/test.json").read_text()))
    return {name: statistics.median(score[name] for score in scores) for name in scores[0]}


@pytest.mark.slow
def test_product_is_learned(app: App) -> None:
    scores = median_scores(app, 5, PRODUCT)
    assert scores["test/mae"] <= 0.25
    assert scores["test/r2"] >= 0.9995


@pytest.mark.slow
def test_a_linear_network_cannot_learn_the_product(app: App) -> None:
    scores = median_scores(app, 1, PRODUCT, "--model.init_args.network.init_args.hidden_features", "[]")
    assert 0.5 < scores["test/r2"] < 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("config", "accuracy"), [("mnist_cnn", 0.988), ("mnist_mlp", 0.97)])
def test_mnist_is_learned(config: str, accuracy: float, app: App, real_mnist: Path) -> None:
    path = PROJECT / "configs" / f"{config}.yaml"
    scores = median_scores(app, 3, path, "--data.init_args.root", real_mnist)
    assert scores["test/accuracy"] >= accuracy


@pytest.mark.slow
def test_help_takes_a_fraction_of_the_time_of_importing_lightning() -> None:
    def seconds(*command: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=PROJECT, check=True, capture_output=True)
        return time.perf_counter() - begin

    pairs = [(seconds("-m", "app", "--help"), seconds("-c", "import lightning.pytorch")) for _ in range(5)]
    assert statistics.median(ours / reference for ours, reference in pairs) <= 0.15
