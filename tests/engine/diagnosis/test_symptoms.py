"""Each symptom against histories on both sides of its limit."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine.diagnosis import AT_END, SYMPTOMS, Finding, History, Limits
from engine.diagnosis.advice import Setup
from engine.diagnosis.losses import overfitting, underfitting
from engine.diagnosis.symptoms import gradients_vanishing, units_dead
from engine.diagnosis.verdict import verdict

FALLING = [1.0 * 0.93**block for block in range(100)]


def history(losses: Sequence[float] = FALLING, rates: Sequence[float] = (1e-3,) * 100, **known: Any) -> History:
    facts = {"moved": 0.5, "baseline": 1.0, "fraction": 1.0, **known}
    validations = facts.pop("validations", [])
    made = History(losses=list(losses), rates=list(rates), **facts)
    for epoch, train, loss in validations:
        made.add_validation(epoch, train, loss)
    return made


def noisy(level: float, swing: float, count: int = 100) -> list[float]:
    draw = random.Random(0)
    return [level * (1 + draw.uniform(-swing, swing)) for _ in range(count)]


def gradients(**sizes: float) -> dict[str, Any]:
    return {"gradients": {name: [size] * 10 for name, size in sizes.items()}, "norms": [max(sizes.values())] * 10}


def validated(*losses: float, train: Callable[[int], float] = lambda epoch: 0.9**epoch) -> dict[str, Any]:
    return {"validations": [[epoch, train(epoch), loss] for epoch, loss in enumerate(losses)]}


def found(history: History) -> list[str]:
    findings = [symptom(history, Limits()) for symptom in SYMPTOMS]
    return [finding.name for finding in findings if finding]


HEALTHY = {
    "a falling loss": history(),
    "three quarters of dead units": history(alive={"relu": [[True, False, False, False]] * 10}),
    "a validation loss that jumps up twice": history(
        **validated(0.5, 0.4, 0.3, 0.2, 0.9, 0.2, 0.9, train=lambda epoch: 0.1 * 0.9**epoch)
    ),
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
HEALTHY["a swing that is the noise of batches"] = history(losses=[2.0, 1.8, *noisy(0.7, 0.9)], errors=[0.4] * 102)
UNWELL = {
    "weights all zero": history(losses=[1.0, 1.0], zero=["layer"]),
    "weights hardly change": history(moved=1e-6, fraction=0.2),
    "loss not falling": history(losses=noisy(1.0, 0.01)),
    "loss oscillating": history(losses=[2.0, 1.8, *noisy(0.7, 0.9)]),
    "overfitting": history(**validated(0.5, 0.4, 0.5, 0.6, 0.7, 0.8, train=lambda epoch: 0.3**epoch)),
    "gradients vanishing": history(**gradients(first=1e-6, last=1.0)),
    "gradients exploding": history(**gradients(first=1.0, last=5e3)),
    "dead ReLU units": history(alive={"relu": [[True, False, False, False, False]] * 10}),
    "learning rate decayed to nothing": history(
        losses=[*FALLING[:30], *FALLING[30:31] * 70], rates=[1e-3] * 80 + [1e-7] * 20
    ),
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
    finding = underfitting(high, Limits())
    assert isinstance(finding, Finding)
    assert finding.name == "underfitting"
    assert underfitting(low, Limits()) is None


def test_a_limit_moves_what_is_pointed_out() -> None:
    rising = history(**validated(0.5, 0.4, 0.5, 0.6, 0.7, 0.8, train=lambda epoch: 0.5 * 0.7**epoch))
    assert overfitting(rising, Limits()) is not None
    assert overfitting(rising, Limits(rise=3.0, gap=1e9)) is None


def test_of_validations_the_best_mean_and_the_newest_are_kept() -> None:
    made = History()
    for epoch in range(40):
        made.add_validation(epoch, 0.5, abs(epoch - 10.0))
    assert [row[0] for row in made.validations] == list(range(30, 40))
    assert made.best == [10.0, 0.5, pytest.approx(2 / 3)]


def test_a_textbook_overfit_is_found_however_it_ends() -> None:
    train = [0.9**epoch for epoch in range(300)]
    rising = [max(0.86, 1 - 0.02 * epoch) + 0.002 * max(0, epoch - 20) for epoch in range(200)]
    flat = [max(0.86, 1 - 0.02 * epoch) for epoch in range(300)]
    for losses in (rising, flat):
        finding = overfitting(history(**validated(*losses, train=lambda epoch: train[epoch])), Limits())
        assert finding is not None
        assert "0.86" in finding.evidence


def test_noise_of_a_small_validation_split_is_no_overfitting() -> None:
    draw = random.Random(1)
    made = history()
    for epoch in range(300):
        made.add_validation(epoch, 0.3 * 0.999**epoch, 0.4 * (1 + draw.uniform(-0.3, 0.3)))
        assert overfitting(made, Limits()) is None, epoch


def test_a_loss_that_fell_to_that_of_a_constant_prediction_is_not_said_to_be_where_it_began() -> None:
    [finding] = [
        f
        for f in (symptom(history(losses=[61.54, *noisy(2.4, 0.01)], baseline=2.3), Limits()) for symptom in SYMPTOMS)
        if f
    ]
    assert finding.name == "loss not falling"
    assert "start" not in finding.evidence
    assert "2.3" in finding.evidence


@pytest.mark.parametrize(
    ("moved", "losses", "wanted"),
    [(0.01, noisy(1, 0.01), "0.01"), (5.0, noisy(1, 0.01), "1e-4"), (0.01, [1.0, 1.0, *[9.0] * 98], "1e-4")],
)
def test_the_learning_rate_is_advised_in_one_direction(moved: float, losses: list[float], wanted: str) -> None:
    setup = Setup(options={"optimizer": {"init_args": {"lr": 1e-3}}})
    found = [
        f for f in (symptom(history(losses=losses, moved=moved, setup=setup), Limits()) for symptom in SYMPTOMS) if f
    ]
    assert [finding.advice for finding in found if finding.name == "loss not falling"] == [
        f"--model.optimizer.lr {wanted}"
    ]


def test_advice_on_vanishing_gradients_fits_the_activation() -> None:
    weak = gradients(first=1e-6, last=1.0)
    sigmoid = gradients_vanishing(history(**weak, setup=Setup(saturating=("Sigmoid",))), Limits())
    relu = gradients_vanishing(history(**weak), Limits())
    assert sigmoid is not None
    assert relu is not None
    assert "ReLU in place of Sigmoid" in sigmoid.advice
    assert "ReLU" not in relu.advice


def test_dead_units_get_a_smaller_learning_rate_only_if_steps_may_have_killed_them() -> None:
    dead: dict[str, Any] = {"alive": {"relu": [[True, False, False, False, False]] * 10}}
    at_start, later = (units_dead(history(**dead, moved=moved), Limits()) for moved in (0.01, 1.0))
    assert at_start is not None
    assert later is not None
    assert "learning rate" not in at_start.advice
    assert "learning rate of 1e-4" in later.advice


def test_an_explosion_in_the_first_steps_is_found() -> None:
    assert found(history(early=[7e4, 5e4, 3e4])) == ["gradients exploding"]


def test_gradients_are_compared_with_the_scale_of_the_loss() -> None:
    assert found(history(losses=[4e5 * 0.9**block for block in range(100)], baseline=None, early=[7e4])) == []


def test_a_schedule_in_few_blocks_is_not_judged() -> None:
    assert found(history(losses=[1.0, 0.9], rates=[1e-3, 1e-9])) == []


def test_a_decay_after_everything_is_learned_is_healthy_and_advice_is_never_a_decay() -> None:
    rates = [1e-3] * 30 + [1e-7] * 70
    assert found(history(losses=[1.0] * 5 + [0.005] * 95, rates=rates)) == []
    finding = next(
        f for f in (symptom(history(losses=noisy(0.4, 0.01), rates=rates), Limits()) for symptom in SYMPTOMS) if f
    )
    assert finding.advice == "a constant learning rate, or a schedule that lasts as long as the training"


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        ({"hidden_features": [256]}, "--model.network.hidden_features [512]"),
        ({"hidden_features": []}, "--model.network.hidden_features [64,64]"),
        ({"channels": [16, 32], "hidden_features": []}, "--model.network.channels [32,64]"),
        ({}, "a wider or deeper network"),
    ],
)
def test_a_larger_network_is_advised_from_the_one_there_is(network: dict[str, Any], wanted: str) -> None:
    setup = Setup(options={"network": {"class_path": "Some", "init_args": network}})
    finding = underfitting(history(losses=[1.0] + [0.8] * 50, setup=setup), Limits())
    assert finding is not None
    assert finding.advice == wanted


def test_a_loss_that_still_falls_is_advised_more_epochs() -> None:
    finding = underfitting(
        history(losses=[1 - 0.004 * block for block in range(100)], setup=Setup(max_epochs=30)), Limits()
    )
    assert finding is not None
    assert "--trainer.max_epochs 60" in finding.advice


def test_a_validation_loss_worse_than_chance_is_not_healthy() -> None:
    made = history(losses=[2.3] * 10 + [1.0] * 30, baseline=2.303, **validated(2.31, 2.316))
    assert [f.name for f in (symptom(made, Limits()) for symptom in AT_END) if f] == [
        "validation no better than chance"
    ]


def test_healthy_is_said_only_of_what_was_watched_long_enough_and_well_enough() -> None:
    assert verdict(history(), Limits(), 1000).startswith("healthy, nothing to point out: training loss")
    assert verdict(history(losses=[376000.0]), Limits(), 19).startswith("too short to judge: 19 steps")
    assert verdict(History(), Limits(), 9).startswith("too short to judge")
    assert verdict(History(), Limits(), 1000) == "not watched: the training step returned no loss"
    assert verdict(history(losses=[400000.0] * 10 + [376000.0] * 90, baseline=None), Limits(), 1000).startswith(
        "not judged"
    )
    assert verdict(history(losses=[4e5 * 0.9**block for block in range(99)], baseline=None), Limits(), 990).startswith(
        "healthy"
    )
