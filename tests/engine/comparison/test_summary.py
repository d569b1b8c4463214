import math

import numpy as np
import pytest

from engine.comparison.summary import binomial_error, summary


def test_sd_is_the_sample_standard_deviation() -> None:
    values = [0.97, 0.975, 0.968]
    found = summary(values)
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert (found.mean, found.n, found.min, found.max) == pytest.approx((np.mean(values), 3, 0.968, 0.975))
    assert summary([0.5]).sd is None


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.9884, 0.9868, 0.9888], "0.9880 ± 0.0011 (3)"),
        ([0.5], "0.5 (1)"),
        ([3, 3], "3 ± 0 (2)"),
        ([1234.5, 1300.2], "1267 ± 46 (2)"),
        ([1e-12, 3e-12], "2e-12 ± 1.4e-12 (2)"),
        ([1e9, 3e9], "2e+09 ± 1.4e+09 (2)"),
    ],
)
def test_the_mean_has_as_many_places_as_the_sd(values: list[float], text: str) -> None:
    assert str(summary(values)) == text


def test_the_sampling_error_is_the_spread_of_simulated_test_sets() -> None:
    drawn = np.random.default_rng(0).binomial(1000, 0.9, 20_000) / 1000
    assert binomial_error(0.9, 1000) == pytest.approx(drawn.std(), rel=0.03)
    assert binomial_error(1, 10) == 0
    assert binomial_error(0.9885, 10_000) == pytest.approx(math.sqrt(0.9885 * 0.0115 / 10_000))
