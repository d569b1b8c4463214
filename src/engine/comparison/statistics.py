"""Statistics of a comparison: intervals, tests and the number of seeds that a test needs.

Every function takes plain numbers, and returns a difference a - b with its 95 % interval and its p-value.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

LEVEL = 0.05
POWER = 0.8
RESAMPLES = 9999
MANY = 2_000  # samples from which on the mean of differences is normal, and resampling would take seconds
CELLS = 2_000_000  # numbers that resampling holds at once


@dataclass(frozen=True)
class Estimate:
    """A difference a - b, its 95 % interval, and the probability of one as large if there is none."""

    delta: float
    low: float
    high: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0 and the test rejects: both must agree."""
        return self.p < LEVEL and not self.low <= 0 <= self.high


def welch(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Return Welch's interval and test of two samples whose variances may differ."""
    return _estimate(float(np.mean(a) - np.mean(b)), stats.ttest_ind, a, b, equal_var=False)


def paired(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Return the interval and t test of differences within pairs."""
    return _estimate(float(np.mean(np.subtract(a, b))), stats.ttest_rel, a, b)


def _estimate(delta: float, test: object, *samples: Sequence[float], **options: object) -> Estimate:
    with warnings.catch_warnings(action="ignore"):  # of nearly equal values, whose interval is as short
        result = test(*samples, **options)  # type: ignore[operator]  # scipy has no types
        low, high = result.confidence_interval(1 - LEVEL)
    if math.isnan(result.pvalue):  # all values of a side are the same
        return Estimate(delta, delta, delta, 1.0 if delta == 0 else 0.0)
    return Estimate(delta, float(low), float(high), float(result.pvalue))


def mcnemar(right_a: ArrayLike, right_b: ArrayLike) -> Estimate:
    """Return the exact McNemar test of two classifiers on the same samples, as a difference of accuracies.

    Given how many samples only one of them has right, how many of these are a's is binomial: with probability 1/2 if
    both are as good. The interval is that of Clopper and Pearson for this probability, and excludes 0 just when the
    test rejects.

    Args:
        right_a: Whether a is right, for each sample.
        right_b: The same of b.
    """
    a, b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    disagree = only_a + only_b
    if disagree == 0:
        return Estimate(0.0, 0.0, 0.0, 1.0)
    test = stats.binomtest(only_a, disagree)
    interval = test.proportion_ci(1 - LEVEL, method="exact")
    scale = disagree / len(a)
    low, high = ((2 * bound - 1) * scale for bound in (interval.low, interval.high))
    return Estimate((only_a - only_b) / len(a), low, high, float(test.pvalue))


def paired_bootstrap(a: ArrayLike, b: ArrayLike, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Return the interval of the mean difference of two errors on the same samples.

    The interval is the bias-corrected and accelerated bootstrap, the p-value that of flipping the signs of the
    differences at random, which is exact if the two networks could be exchanged. From many samples on both are those of
    the normal distribution.
    """
    differences = np.subtract(a, b).astype(float)
    delta, count = float(differences.mean()), len(differences)
    if not differences.any() or count < 2:
        return Estimate(delta, delta, delta, 1.0)
    if count > MANY:
        return paired(np.asarray(a).tolist(), np.asarray(b).tolist())
    batch = max(1, CELLS // count)
    with warnings.catch_warnings(action="ignore"):  # all differences equal: the interval is not a number
        interval = stats.bootstrap(
            (differences,), np.mean, n_resamples=resamples, batch=batch, rng=np.random.default_rng(seed)
        ).confidence_interval
    low, high = (delta if math.isnan(bound) else float(bound) for bound in (interval.low, interval.high))
    return Estimate(delta, low, high, _sign_flip(differences, resamples, batch, np.random.default_rng(seed + 1)))


def _sign_flip(differences: NDArray[np.float64], resamples: int, batch: int, rng: np.random.Generator) -> float:
    """Return how often a sum of differences with random signs is as far from 0 as that of the differences."""
    limit, extreme = abs(differences.sum()) * (1 - 1e-12), 0  # rounding must not make equal sums unequal
    for start in range(0, resamples, batch):
        signs = rng.integers(0, 2, (min(batch, resamples - start), len(differences))) * 2 - 1
        extreme += int((abs(signs @ differences) >= limit).sum())
    return (extreme + 1) / (resamples + 1)


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979): the chance of any false claim stays below the level."""
    adjusted, previous = [0.0] * len(values), 0.0
    for rank, place in enumerate(np.argsort(values, kind="stable").tolist()):
        previous = max(previous, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = previous
    return adjusted


def power(effect: float, n: int, pairs: bool, level: float = LEVEL) -> float:
    """Return how often a t test of n seeds a side finds a difference.

    Args:
        effect: The difference over the sd: that of the differences within pairs, or that of each side.
        n: Seeds a side.
        pairs: Whether it is a paired test.
        level: Probability of a false claim.
    """
    freedom = n - 1 if pairs else 2 * n - 2
    shift = abs(effect) * math.sqrt(n if pairs else n / 2)
    limit = stats.t.ppf(1 - level / 2, freedom)
    found = stats.nct.sf(limit, freedom, shift) + stats.nct.cdf(-limit, freedom, shift)
    return float(found) if math.isfinite(found) else 1.0


def seeds_needed(effect: float, pairs: bool, level: float = LEVEL, most: int = 1000) -> int | None:
    """Return the least number of seeds a side, from 3 on, with which the power is 80 %; None if it is above `most`."""
    if effect == 0 or power(effect, most, pairs, level) < POWER:
        return None
    low, high = 2, most  # the power grows with the number
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle, pairs, level) >= POWER else (middle, high)
    return high
