"""Learning to the stated thresholds; the median of several seeds, because one seed is luck."""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import PRODUCT, PROJECT, Result

App = Callable[..., Result]


def median_scores(app: App, seeds: int, config: Path, *arguments: str | Path, threads: int = 2) -> dict[str, float]:
    torch.set_num_threads(threads)
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


THRESHOLDS: dict[str, Callable[[dict[str, float]], bool]] = {
    "sine": lambda score: score["test/mae"] <= 0.02,
    "line": lambda score: score["test/r2"] >= 0.95,
    "linear": lambda score: abs(score["test/slope"] / score["test/least_squares_slope"] - 1) <= 0.01,
    "threshold": lambda score: score["test/accuracy"] >= 0.96 and score["test/boundary_error"] <= 0.1,
    "tabular": lambda score: score["test/r2"] >= 0.98,
    "tabular_classes": lambda score: score["test/accuracy"] >= 0.9,
    "tabular_targets": lambda score: score["test/r2"] >= 0.9,
    "tabular_mixed": lambda score: score["test/mae"] <= 23.8,  # within 3 % of the best gradient boosting
    "multilabel": lambda score: score["test/f1"] >= 0.88,
}


@pytest.mark.slow
@pytest.mark.parametrize("config", THRESHOLDS)
def test_a_small_task_is_learned(config: str, app: App) -> None:
    scores = median_scores(app, 3, PROJECT / "configs" / f"{config}.yaml", threads=1)
    assert THRESHOLDS[config](scores), scores


@pytest.mark.slow
def test_a_text_is_learned_a_bit_below_its_single_characters(app: App) -> None:
    text = (PROJECT / "src/app/data/examples/stories.txt").read_text()
    shares = [text.count(character) / len(text) for character in set(text)]
    entropy = -sum(share * math.log2(share) for share in shares)
    scores = median_scores(app, 1, PROJECT / "configs" / "chars.yaml", "--trainer.max_epochs", "1")
    assert scores["test/bits_per_character"] <= entropy - 1
    assert scores["test/perplexity"] == pytest.approx(2 ** scores["test/bits_per_character"], rel=1e-4)


@pytest.mark.slow
def test_help_takes_a_fraction_of_the_time_of_importing_lightning() -> None:
    def seconds(*command: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=PROJECT, check=True, capture_output=True)
        return time.perf_counter() - begin

    pairs = [(seconds("-m", "app", "--help"), seconds("-c", "import lightning.pytorch")) for _ in range(5)]
    assert statistics.median(ours / reference for ours, reference in pairs) <= 0.15


@pytest.mark.slow
@pytest.mark.dashboard
def test_ten_times_the_epochs_take_no_more_memory(folder: Path) -> None:
    """Figures, hooks and histories must not pile up."""

    def peak(epochs: int) -> int:
        code = "import resource, sys; from app.__main__ import PROJECT; from engine.main import run; "
        code += "run(PROJECT, sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        draws = [f"--dashboard.{name}.init_args.every_n_epochs=10" for name in ("histograms", "fit")]
        command = [sys.executable, "-c", code, "fit", "--config", str(PRODUCT), "--trainer.max_epochs", str(epochs)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([*command, *draws], env=environment, check=True, capture_output=True, text=True)
        return int(done.stdout.splitlines()[-1])

    assert peak(300) <= 1.05 * peak(30)
