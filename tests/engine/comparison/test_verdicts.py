from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.synthetic import seeds, synthetic

from engine.comparison import statistics
from engine.comparison.compare import compare
from engine.comparison.verdicts import Difference
from engine.runs.folder import Run

LOGS = Path("lightning_logs")
HIGH, LOW = [0.97, 0.972, 0.968, 0.971, 0.969], [0.95, 0.953, 0.949, 0.95, 0.951]
NETWORK = "model.init_args.network.init_args.hidden_features"


def against(a: list[float | None], b: list[float | None], metric: str = "test/accuracy", **facts: Any) -> Difference:
    """Return the difference of runs b to runs a."""
    runs = [*seeds(LOGS / "a", a, metric), *seeds(LOGS / "b", b, metric, change={NETWORK: [4]}, **facts)]
    (found,) = compare(runs, "a").differences
    return found


def test_equal_seeds_are_paired() -> None:
    found = against([*HIGH], [*LOW])
    expected = statistics.paired(LOW, HIGH)
    assert (found.delta, found.low, found.high, found.p) == (expected.delta, expected.low, expected.high, expected.p)
    assert found.test == "paired t over 5 seeds"
    assert found.verdict == "worse than a"


def test_other_seeds_are_not_paired() -> None:
    found = against([*HIGH], [*LOW[:4]])
    expected = statistics.welch(LOW[:4], HIGH)
    assert (found.delta, found.low, found.high, found.p) == (expected.delta, expected.low, expected.high, expected.p)
    assert found.test == "Welch's t over 4 and 5 seeds"


def test_as_many_other_seeds_are_not_paired() -> None:
    runs = seeds(LOGS / "a", [*HIGH[:3]])
    for seed, score in enumerate(LOW[:3], start=1):
        folder = synthetic(LOGS / "b" / f"version_{seed}", seed, {"test/accuracy": score}, {NETWORK: [4]})
        runs.append(Run(folder))
    assert compare(runs, "a").differences[0].test == "Welch's t over 3 and 3 seeds"


@pytest.mark.parametrize(
    ("metric", "word"),
    [
        ("test/accuracy", "worse"),
        ("test/mae", "better"),
        ("test/loss", "better"),
        ("test/slope", "lower"),
        ("r2", "worse"),
    ],
)
def test_what_is_better_depends_on_the_metric(metric: str, word: str) -> None:
    assert against([*HIGH], [*LOW], metric).verdict == f"{word} than a"


def test_the_monitor_says_what_is_better() -> None:
    settings = {"callbacks": {"checkpoint": {"init_args": {"monitor": "val/slope", "mode": "max"}}}, NETWORK: [4]}
    runs = seeds(LOGS / "a", [*HIGH], "test/slope")
    runs += seeds(LOGS / "b", [*LOW], "test/slope", change=settings)
    assert compare(runs, "a").differences[0].verdict == "worse than a"


def test_too_few_seeds_say_how_many_would_be_needed() -> None:
    found = against([0.97, 0.95, 0.96], [0.955, 0.965, 0.945])
    assert found.p is not None
    assert found.p > 0.05
    effect = abs(found.delta) / float(np.std(np.subtract([0.97, 0.95, 0.96], [0.955, 0.965, 0.945]), ddof=1))
    needed = statistics.seeds_needed(effect, pairs=True)
    assert found.verdict == f"no difference shown; to show one of 0.005 takes about {needed} seeds a side"


def test_one_seed_a_side_says_nothing_about_the_recipe() -> None:
    found = against([0.97], [0.95])
    assert found.delta == pytest.approx(-0.02)
    assert found.low is found.high is found.p is None
    assert found.test == "none"
    assert found.verdict == "1 seed a side says nothing about the recipe: that takes 3 or more"


def test_two_seeds_against_one_say_nothing_either() -> None:
    found = against([0.97], [0.95, 0.94])
    assert found.verdict == "2 seeds against 1 say nothing about the recipe: that takes 3 or more"


def labels(right: int, samples: int = 100) -> str:
    """Return predictions.csv of a classifier that has the first samples right."""
    rows = [f"{row},cat,{'cat' if row < right else 'dog'},0.5,0.5" for row in range(samples)]
    return "\n".join(["index,label,predicted,p_cat,p_dog", *rows]) + "\n"


def numbers(errors: "np.ndarray[Any, Any]") -> str:
    rows = [f"{row},{row},{row + error},{error}" for row, error in enumerate(errors.tolist())]
    return "\n".join(["x1,actual,predicted,error", *rows]) + "\n"


def test_the_same_samples_compare_two_classifiers() -> None:
    runs = seeds(LOGS / "a", [0.9], predictions=labels(90))
    runs += seeds(LOGS / "b", [0.8], predictions=labels(80), change={NETWORK: [4]})
    (found,) = compare(runs, "a").differences
    expected = statistics.mcnemar(np.arange(100) < 80, np.arange(100) < 90)
    assert (found.delta, found.low, found.high, found.p) == (expected.delta, expected.low, expected.high, expected.p)
    assert found.test == "McNemar (exact) of b/version_0 and a/version_0 on 100 samples"
    assert found.verdict.startswith(
        "this network is worse on these samples; 1 seed a side says nothing about the recipe"
    )


def test_the_same_samples_compare_two_regressions() -> None:
    errors = np.random.default_rng(0).exponential(1, (2, 80))
    errors[1] = errors[0] * 0.8
    runs = []
    for name, each, features in zip("ab", errors, ([1], [2]), strict=True):
        facts = {"predictions": numbers(each), "change": {NETWORK: features}}
        runs += seeds(LOGS / name, [float(each.mean())], "test/mae", **facts)
    (found,) = compare(runs, "a").differences
    expected = statistics.paired_bootstrap(errors[1], errors[0])
    assert (found.delta, found.low, found.high, found.p) == (expected.delta, expected.low, expected.high, expected.p)
    assert found.test.startswith("paired bootstrap of b/version_0")
    assert found.verdict.startswith("this network is better")


@pytest.mark.parametrize(
    ("other", "score"),
    [
        (labels(80).replace("cat,dog", "dog,dog"), 0.8),  # other labels, though the score is the same
        (labels(80, 90), 80 / 90),  # other samples
        (labels(70), 0.8),  # predictions of another checkpoint
        ("index\n", 0.8),
    ],
)
def test_predictions_of_other_samples_are_not_paired(other: str, score: float) -> None:
    runs = seeds(LOGS / "a", [0.9], predictions=labels(90))
    runs += seeds(LOGS / "b", [score], predictions=other, change={NETWORK: [4]})
    assert compare(runs, "a").differences[0].test == "none"


def test_holm_corrects_for_the_number_of_groups() -> None:
    runs = seeds(LOGS / "a", [*HIGH])
    pairs = []
    for place in range(3):
        values = (np.array(HIGH) + np.random.default_rng(place).normal(0.004, 0.003, 5)).tolist()
        pairs.append(statistics.paired(values, HIGH).p)
        runs += seeds(LOGS / f"b{place}", values, change={NETWORK: [place]})
    found = compare(runs, "a").differences
    assert [each.p for each in found] == statistics.holm(pairs)
    assert all(each.test.endswith(", Holm over 3") for each in found)


@pytest.mark.parametrize(("p", "low", "claimed"), [(0.01, 0.1, True), (0.01, -0.1, False), (0.06, 0.1, False)])
def test_interval_and_test_must_agree(p: float, low: float, claimed: bool) -> None:
    assert Difference("a", "b", "mae", 1, low, 2, "test", p).significant == claimed


def test_equal_scores_are_called_equal() -> None:
    assert against([0.5, 0.6, 0.7], [0.5, 0.6, 0.7 + 1e-9]).verdict == "equal but for rounding"


def test_where_the_seed_changes_nothing_there_is_no_test() -> None:
    found = against([0.5] * 3, [0.6] * 3)
    assert (found.test, found.p) == ("none: the seed changes nothing", None)
    assert found.verdict == "better by the same amount with every seed"


def test_runs_that_diverged_are_not_forgotten() -> None:
    runs = [*seeds(LOGS / "a", [*HIGH]), *seeds(LOGS / "b", [*LOW[:3]], change={NETWORK: [4]})]
    lost = synthetic(LOGS / "b" / "version_3", 3, None, {NETWORK: [4]}, {"status": "diverged"})
    (found,) = compare([*runs, Run(lost)], "a").differences
    assert found.verdict == "worse than a; without 1 of b (diverged)"
