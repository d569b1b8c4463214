"""Statistics against the same by hand, and against simulated data whose truth is known."""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.special import betainc
from scipy.stats import norm, ttest_ind

from engine.comparison import statistics
from engine.comparison.statistics import Estimate

COMPARISONS = 1000
ALLOWED = 0.05 + 2.33 * math.sqrt(0.05 * 0.95 / COMPARISONS)  # 5 % and the sampling error of the simulation (99 %)
A, B = [0.971, 0.968, 0.975, 0.970, 0.966], [0.962, 0.966, 0.969, 0.961, 0.960]


def two_sided(t: float, freedom: float) -> float:
    """Return the p-value of Student's t from the incomplete beta function."""
    return float(betainc(freedom / 2, 0.5, freedom / (freedom + t * t)))


def quantile(freedom: float) -> float:
    """Return the t that leaves 2.5 % on either side, by bisection."""
    low, high = 0.0, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, freedom) > 0.05 else (low, middle)
    return low


def variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def check(found: Estimate, delta: float, error: float, freedom: float) -> None:
    half = quantile(freedom) * error
    assert found.delta == pytest.approx(delta)
    assert (found.low, found.high) == pytest.approx((delta - half, delta + half))
    assert found.p == pytest.approx(two_sided(delta / error, freedom))


@pytest.mark.parametrize("b", [B, B[:3], [value * 10 for value in B]])
def test_welch_is_that_of_the_textbook(b: list[float]) -> None:
    parts = [variance(values) / len(values) for values in (A, b)]
    freedom = sum(parts) ** 2 / sum(part**2 / (len(v) - 1) for part, v in zip(parts, (A, b), strict=True))
    check(statistics.welch(A, b), sum(A) / len(A) - sum(b) / len(b), math.sqrt(sum(parts)), freedom)


def test_the_paired_interval_is_that_of_the_textbook() -> None:
    differences = [a - b for a, b in zip(A, B, strict=True)]
    check(statistics.paired(A, B), sum(differences) / 5, math.sqrt(variance(differences) / 5), 4)


@pytest.mark.parametrize(("only_a", "only_b"), [(9, 2), (2, 9), (10, 1), (5, 5), (8, 0), (40, 20)])
def test_mcnemar_counts_binomial_coefficients(only_a: int, only_b: int) -> None:
    a = np.array([True] * only_a + [False] * only_b + [True] * 30 + [False] * 5)
    b = np.array([False] * only_a + [True] * only_b + [True] * 30 + [False] * 5)
    found = statistics.mcnemar(a, b)
    disagree, least = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(disagree, k) for k in range(least + 1)) / 2**disagree
    assert found.p == pytest.approx(min(1.0, 2 * tail))
    assert found.delta == pytest.approx(a.mean() - b.mean())
    for bound, from_below in ((found.low, True), (found.high, False)):
        share = (bound * len(a) / disagree + 1) / 2  # a's part of the samples that only one has right
        terms = [math.comb(disagree, k) * share**k * (1 - share) ** (disagree - k) for k in range(disagree + 1)]
        outside = sum(terms[only_a:]) if from_below else sum(terms[: only_a + 1])
        assert share in (0, 1) or outside == pytest.approx(0.025, rel=1e-6)
    assert found.significant == (found.p < 0.05)  # the interval excludes 0 just when the test rejects


def test_networks_that_agree_do_not_differ() -> None:
    same = np.arange(10) % 3 == 0
    assert statistics.mcnemar(same, same) == Estimate(0, 0, 0, 1)
    assert statistics.paired_bootstrap(np.arange(10.0), np.arange(10.0)) == Estimate(0, 0, 0, 1)


def test_the_bootstrap_is_that_of_plain_resampling_and_of_every_flip_of_signs() -> None:
    generator = np.random.default_rng(1)
    differences = generator.normal(0.4, 1, 12)
    found = statistics.paired_bootstrap(differences, np.zeros(12))
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=12)]
    exact = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-12)
    assert found.p == pytest.approx(exact, abs=0.015)
    means = generator.choice(differences, (50_000, 12)).mean(1)
    bias = norm.ppf(np.mean(means < differences.mean()))
    left = [np.delete(differences, place).mean() for place in range(12)]
    skew = np.sum((np.mean(left) - left) ** 3) / (6 * np.sum((np.mean(left) - left) ** 2) ** 1.5)
    levels = [norm.cdf(bias + (bias + z) / (1 - skew * (bias + z))) for z in norm.ppf([0.025, 0.975])]
    low, high = np.quantile(means, levels)  # Efron 1987
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)
    assert found.delta == pytest.approx(differences.mean())
    assert statistics.paired_bootstrap(differences, np.zeros(12)) == found  # the same seed


def test_of_many_samples_the_bootstrap_is_normal() -> None:
    values = np.random.default_rng(0).normal(0.1, 1, statistics.MANY + 1)
    found = statistics.paired_bootstrap(values, np.zeros(len(values)))
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), rel=0.02
    )


def test_holm_goes_from_the_least_on() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.9, 0.8]) == pytest.approx([1, 1])
    assert statistics.holm([0.2]) == [0.2]
    assert statistics.holm([]) == []


@pytest.mark.parametrize(
    ("effect", "pairs", "needed"), [(0.5, True, 34), (0.5, False, 64), (1, False, 17), (9, True, 3)]
)
def test_the_number_of_seeds_is_that_of_tables_of_power(effect: float, pairs: bool, needed: int) -> None:
    assert statistics.seeds_needed(effect, pairs) == needed
    if needed > 3:
        assert statistics.power(effect, needed, pairs) >= 0.8 > statistics.power(effect, needed - 1, pairs)


def test_a_stricter_level_takes_more_seeds() -> None:
    assert [statistics.seeds_needed(1, True, 0.05 / groups) for groups in (1, 3, 7)] == [10, 14, 17]


def test_a_tiny_effect_takes_more_seeds_than_there_are() -> None:
    assert statistics.seeds_needed(0.01, True) is None
    assert statistics.seeds_needed(0, True) is None


def test_equal_values_have_an_interval() -> None:
    assert statistics.welch([1, 1, 1], [1, 1, 1]) == Estimate(0, 0, 0, 1)
    assert statistics.paired([1, 2, 3], [2, 3, 4]) == Estimate(-1, -1, -1, 0)


Simulation = Callable[[np.random.Generator, float], Estimate]


def unpaired(generator: np.random.Generator, effect: float) -> Estimate:
    return statistics.welch(generator.normal(effect, 1, 5).tolist(), generator.normal(0, 3, 5).tolist())


def pairs_of_seeds(generator: np.random.Generator, effect: float) -> Estimate:
    of_seed = generator.normal(0, 2, 5)
    a, b = (of_seed + generator.normal(shift, 1, 5) for shift in (effect, 0))
    return statistics.paired(a.tolist(), b.tolist())


def classifiers(generator: np.random.Generator, effect: float) -> Estimate:
    """Return the test of two classifiers that disagree about 3 % of 1,000 samples."""
    draw = generator.random(1000)
    only_a = draw < (0.03 + effect) / 2
    return statistics.mcnemar(only_a, ~only_a & (draw < 0.03))


def errors(generator: np.random.Generator, effect: float) -> Estimate:
    of_sample = generator.exponential(1, 100)  # skewed, as absolute errors are
    a, b = (of_sample * generator.lognormal(shift, 0.5, 100) for shift in (effect, 0))
    return statistics.paired_bootstrap(a, b, resamples=999)


@pytest.mark.parametrize(
    "simulation", [unpaired, pairs_of_seeds, classifiers, pytest.param(errors, marks=pytest.mark.slow)]
)
def test_where_there_is_no_difference_at_most_one_in_twenty_is_claimed(simulation: Simulation) -> None:
    generator = np.random.default_rng(0)
    claims = sum(simulation(generator, 0).significant for _ in range(COMPARISONS))
    assert claims <= ALLOWED * COMPARISONS


def test_with_many_groups_holm_keeps_any_false_claim_rare() -> None:
    generator = np.random.default_rng(0)
    baseline, groups = generator.normal(0, 1, (5, COMPARISONS)), generator.normal(0, 1, (4, 5, COMPARISONS))
    values = [ttest_ind(group, baseline, equal_var=False).pvalue for group in groups]
    least = [min(statistics.holm(each)) for each in np.array(values).T.tolist()]
    assert sum(p < 0.05 for p in least) <= ALLOWED * COMPARISONS
    assert np.mean(np.min(values, 0) < 0.05) > 0.1  # which it is not without


# The power that docs/comparing.md states.
@pytest.mark.parametrize(
    ("simulation", "effect", "stated"),
    [
        (pairs_of_seeds, 2 * math.sqrt(2), 0.89),  # two sd of the differences within pairs
        (pairs_of_seeds, math.sqrt(2), 0.40),
        pytest.param(classifiers, 0.01, 0.34, marks=pytest.mark.slow),
        pytest.param(classifiers, 0.02, 0.97, marks=pytest.mark.slow),
        pytest.param(errors, 0.2, 0.50, marks=pytest.mark.slow),  # errors a fifth greater, 100 samples
    ],
)
def test_a_difference_is_found_as_often_as_stated(simulation: Simulation, effect: float, stated: float) -> None:
    generator = np.random.default_rng(0)
    claims = sum(simulation(generator, effect).significant for _ in range(COMPARISONS))
    assert claims / COMPARISONS == pytest.approx(stated, abs=0.05)


def test_power_is_that_of_a_simulation() -> None:
    assert statistics.power(2, 5, pairs=True) == pytest.approx(0.89, abs=0.05)
    assert statistics.power(1, 5, pairs=True) == pytest.approx(0.40, abs=0.05)
    generator = np.random.default_rng(0)
    claims = sum(
        statistics.welch(generator.normal(2, 1, 5).tolist(), generator.normal(0, 1, 5).tolist()).significant
        for _ in range(COMPARISONS)
    )
    assert claims / COMPARISONS == pytest.approx(statistics.power(2, 5, pairs=False), abs=0.05)
