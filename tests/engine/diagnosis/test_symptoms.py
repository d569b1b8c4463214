"""Each symptom against histories on both sides of its limit."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine.diagnosis import SYMPTOMS, Finding, History, Limits, both_high

FALLING = [1.0 * 0.93**block for block in range(100)]


def history(losses: Sequence[float] = FALLING, rates: Sequence[float] = (1e-3,) * 100, **known: Any) -> History:
    facts = {"moved": 0.5, "baseline": 1.0, "share": 1.0, **known}
    return History(losses=list(losses), rates=list(rates), **facts)


def noisy(level: float, swing: float, count: int = 100) -> list[float]:
    draw = random.Random(0)
    return [level * (1 + draw.uniform(-swing, swing)) for _ in range(count)]


def gradients(**sizes: float) -> dict[str, Any]:
    return {"gradients": {name: [size] * 10 for name, size in sizes.items()}, "norms": [max(sizes.values())] * 10}


def validated(*losses: float, train: Callable[[int], float] = lambda epoch: 0.9**epoch) -> dict[str, Any]:
    return {"validations": [[epoch, train(epoch), loss] for epoch, loss in enumerate(losses)]}


def found(known: History) -> list[str]:
    findings = [symptom(known, Limits()) for symptom in SYMPTOMS]
    return [finding.name for finding in findings if finding]


HEALTHY = {
    "a falling loss": history(),
    "noise at a low level": history(losses=[1.0, 0.5, *noisy(0.05, 0.9)]),
    "noise at a level that cannot be left": history(losses=[1.0, 0.5, *noisy(0.4, 0.2)]),
    "nothing left to learn": history(losses=noisy(0.01, 0.05)),
    "a cosine that ends at nothing": history(rates=[(100 - block) / 100 + 1e-9 for block in range(101)]),
    "a warm-up from nothing": history(rates=[1e-9] * 10 + [1e-3] * 90),
    "gradients of different sizes": history(**gradients(first=0.01, last=1.0)),
    "a few dead units": history(alive={"relu": [[True] * 10 + [False] * 6] * 10}),
    "units that sleep by turns": history(alive={"relu": [[True, False], [False, True]] * 5}),
    "a validation loss that settles above its least": history(**validated(0.5, 0.4, 0.44, 0.45, 0.45, 0.45)),
    "a validation loss that rises as the training loss does": history(
        **validated(0.5, 0.4, 0.9, 0.9, 0.9, train=lambda epoch: 0.1 * (epoch + 1))
    ),
    "a validation loss that rises below a training loss with dropout": history(
        **validated(0.05, 0.03, 0.05, 0.05, 0.05, train=lambda epoch: 0.2 - 0.01 * epoch)
    ),
    "a validation loss that rises near nothing": history(**validated(0.5, 0.001, 0.005, 0.005, 0.005)),
    "zeros before the first step": history(losses=[1.0], rates=[1e-3], zero=["layer"]),
}
UNWELL = {
    "weights all zero": history(losses=[1.0, 1.0], zero=["layer"]),
    "weights hardly change": history(moved=1e-6, share=0.2),
    "loss not falling": history(losses=noisy(1.0, 0.01)),
    "loss oscillating": history(losses=[2.0, 1.8, *noisy(0.7, 0.9)]),
    "overfitting": history(**validated(0.5, 0.4, 0.5, 0.6, 0.7, 0.8, train=lambda epoch: 0.3**epoch)),
    "gradients vanishing": history(**gradients(first=1e-6, last=1.0)),
    "gradients exploding": history(**gradients(first=1.0, last=5e3)),
    "dead ReLU units": history(alive={"relu": [[True, False, False, False]] * 10}),
    "learning rate decayed to nothing": history(rates=[1e-3] * 80 + [1e-7] * 20),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_in_a_healthy_run(name: str) -> None:
    assert found(HEALTHY[name]) == []


@pytest.mark.parametrize("name", UNWELL)
def test_one_failure_is_found_and_no_other(name: str) -> None:
    assert found(UNWELL[name]) == [name]


def test_both_losses_high_is_underfitting_and_one_low_is_not() -> None:
    high = history(losses=[1.0] + [0.8] * 50, **validated(0.9, 0.8))
    low = history(losses=[1.0] + [0.3] * 50, **validated(0.9, 0.8))
    finding = both_high(high, Limits())
    assert isinstance(finding, Finding)
    assert finding.name == "underfitting"
    assert both_high(low, Limits()) is None


def test_a_limit_moves_what_is_pointed_out() -> None:
    known = history(**validated(0.5, 0.4, 0.5, 0.6, 0.7, 0.8))
    overfitting = next(symptom for symptom in SYMPTOMS if symptom.__name__ == "overfitting")
    assert overfitting(known, Limits(rise=3.0)) is None


def test_of_validations_the_best_and_the_newest_are_remembered() -> None:
    known = History()
    for epoch, loss in enumerate([5.0, 1.0, 3.0, 2.0, 4.0, 6.0, 7.0, 1.0]):
        known.add_validation(epoch, 0.5, loss)
    assert [row[0] for row in known.validations] == [1, 4, 5, 6, 7]
