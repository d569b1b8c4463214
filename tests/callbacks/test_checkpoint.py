import math
from typing import Literal

import pytest

from app.callbacks import BestAndLast


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
