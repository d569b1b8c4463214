"""The symptoms, each a function from what is known to a finding or nothing."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from engine.diagnosis.history import History

OPTIMIZER = "--model.init_args.optimizer.init_args"
NETWORK = "--model.init_args.network.init_args"
WINDOW = 20  # blocks that say how the loss moves: a fifth of a run of 1,000 steps or more


@dataclass(frozen=True)
class Finding:
    """Something to point out.

    Args:
        name: What it is, in the field's words.
        evidence: The numbers that show it.
        advice: Settings to try.
    """

    name: str
    evidence: str
    advice: str


@dataclass(frozen=True)
class Limits:
    """From where on something is worth pointing out.

    Args:
        fall: Least share by which the loss must have fallen in a fifth of a run: chance moves it by less.
        swing: Standard deviation of the loss of a fifth of a run over its mean; noise of batches stays far below.
        high: Loss over that of a constant prediction, from which on little has been learned.
        rise: Newest validation losses over the least, and over the training loss; noise of a small split stays below.
        low: Loss over that of a constant prediction, up to which there is hardly anything left to lose.
        vanishing: Gradient of a layer over the largest of any: such a layer learns ten thousand times slower.
        exploding: Norm of all gradients; losses here are near 1 and so are gradients, and steps this long jump about.
        dead: Share of a layer's units that are never above zero; half of a small layer die in healthy networks.
        moved: Change of the weights over their size after a tenth of a run, that only a tiny learning rate stays below.
        decayed: Learning rate over its greatest, below which hardly anything is learned.
        idle: Share of a run with such a learning rate; good schedules end there, and do not dwell.
    """

    fall: float = 0.02
    swing: float = 0.25
    high: float = 0.5
    rise: float = 1.5
    low: float = 0.02
    vanishing: float = 1e-4
    exploding: float = 1e3
    dead: float = 0.75
    moved: float = 1e-4
    decayed: float = 1e-3
    idle: float = 0.1


def weights_zero(known: History, limits: Limits) -> Finding | None:
    """Find weights that began at zero and stay there: every unit of a layer learns the same, or nothing."""
    if not known.zero or len(known.losses) < 2:
        return None
    layers = ", ".join(known.zero[:3]) + (", ..." if len(known.zero) > 3 else "")
    return Finding("weights all zero", f"{layers} hold only zeros", f"{NETWORK}.init kaiming_normal")


def weights_not_changing(known: History, limits: Limits) -> Finding | None:
    """Find a learning rate that moves nothing."""
    if known.moved is None or known.share < 0.1 or known.moved >= limits.moved or known.zero:
        return None
    rate = max(known.rates)
    evidence = (
        f"{known.share:.0%} of the run moved the weights by {known.moved:.1g} of their size, learning rate {rate:.1g}"
    )
    return Finding("weights hardly change", evidence, f"{OPTIMIZER}.lr 1e-3")


def loss_not_falling(known: History, limits: Limits) -> Finding | None:
    """Find a loss that is where it was at the start, and not because there is nothing left to learn."""
    if len(known.losses) < WINDOW:
        return None
    first, now = statistics.fmean(known.losses[:2]), statistics.fmean(known.losses[-WINDOW // 2 :])
    least = first if known.baseline is None else min(first, known.baseline)
    learned = known.baseline is not None and now < limits.high * known.baseline
    if learned or now < (1 - limits.fall) * least:
        return None
    rate = known.rates[-1]
    lower = f"{OPTIMIZER}.lr {max(rate / 10, 1e-6):.0e}"
    advice = lower if now > 1.1 * first else f"{OPTIMIZER}.lr {min(rate * 10, 1e-3):.0e}"
    if rate >= 1e-3 and now <= 1.1 * first:
        advice = f"{lower} or {OPTIMIZER}.lr {rate * 10:.0e}"
    return Finding("loss not falling", f"training loss {first:.4g} at the start, {now:.4g} now", advice)


def loss_oscillating(known: History, limits: Limits) -> Finding | None:
    """Find a loss that jumps up and down without getting anywhere."""
    recent = known.losses[-WINDOW:]
    if len(recent) < WINDOW:
        return None
    mean = statistics.fmean(recent)
    swing = statistics.stdev(recent) / mean if mean > 0 else 0.0
    stuck = statistics.fmean(recent[WINDOW // 2 :]) > 0.8 * statistics.fmean(recent[: WINDOW // 2])
    matters = mean > 0.2 * (known.baseline or known.losses[0])
    if swing < limits.swing or not stuck or not matters:
        return None
    rate = known.rates[-1]
    evidence = f"training loss swings by {swing:.0%} around {mean:.3g} without falling, learning rate {rate:.1g}"
    return Finding("loss oscillating", evidence, f"{OPTIMIZER}.lr {max(rate / 10, 1e-6):.0e}")


def overfitting(known: History, limits: Limits) -> Finding | None:
    """Find a validation loss that rises while the training loss falls."""
    if len(known.validations) < 4:
        return None
    best_epoch, best_train, best = min(known.validations, key=lambda row: row[2])
    since = [row for row in known.validations if row[0] > best_epoch][-3:]
    if len(since) < 3 or best <= 0:
        return None
    now, train = statistics.fmean(row[2] for row in since), since[-1][1]
    matters = known.baseline is None or now > limits.low * known.baseline
    if now < limits.rise * max(best, train) or train >= best_train or not matters:
        return None
    evidence = (
        f"validation loss rose from {best:.3g} (epoch {best_epoch:.0f}) to {now:.3g} "
        f"while training loss fell from {best_train:.3g} to {train:.3g}"
    )
    advice = f"--config configs/with/early_stopping.yaml, or {OPTIMIZER}.weight_decay 1e-2, or more data"
    return Finding("overfitting", evidence, advice)


def gradients_vanishing(known: History, limits: Limits) -> Finding | None:
    """Find layers that learn next to nothing because hardly any gradient reaches them."""
    typical = known.typical_gradients()
    greatest = max(typical.values(), default=0.0)
    weak = {name: size for name, size in typical.items() if size < limits.vanishing * greatest}
    if not weak or known.zero:
        return None
    name, size = min(weak.items(), key=lambda item: item[1])
    evidence = f"the gradient of {name} is {size / greatest:.1g} of the largest of any layer ({len(weak)} layers so)"
    return Finding("gradients vanishing", evidence, f"{NETWORK}.activation relu, or {NETWORK}.batch_norm true")


def gradients_exploding(known: History, limits: Limits) -> Finding | None:
    """Find gradients so large that steps jump about."""
    typical, norm = known.typical_gradients(), statistics.median(known.norms or [0.0])
    if not typical or norm <= limits.exploding:
        return None
    name = max(typical, key=lambda layer: typical[layer])
    evidence = f"norm of all gradients {norm:.3g}, the largest in {name}"
    return Finding("gradients exploding", evidence, f"--trainer.gradient_clip_val 1, or {NETWORK}.init xavier_uniform")


def units_dead(known: History, limits: Limits) -> Finding | None:
    """Find layers of ReLU units that pass nothing on for any sample, and so can no longer learn."""
    shares = {layer: share for layer, share in known.dead_shares().items() if share >= limits.dead}
    if not shares:
        return None
    layer, share = max(shares.items(), key=lambda item: item[1])
    evidence = f"{share:.0%} of the units of {layer} were zero for all samples of the last batches looked at"
    lower = f"{OPTIMIZER}.lr {max(known.rates[-1] / 10, 1e-6):.0e}" if known.rates else f"{OPTIMIZER}.lr 1e-3"
    return Finding("dead ReLU units", evidence, f"{lower}, or {NETWORK}.activation leaky_relu")


def rate_decayed(known: History, limits: Limits) -> Finding | None:
    """Find a schedule that ends long before the training."""
    greatest = max(known.rates, default=0.0)
    since = known.rates[known.rates.index(greatest) :] if greatest else []
    idle = [rate for rate in since if rate < limits.decayed * greatest]
    share = known.share * len(idle) / max(1, len(known.rates))
    if share < limits.idle:
        return None
    evidence = f"learning rate {idle[-1]:.1g}, {idle[-1] / greatest:.1g} of its greatest, for {share:.0%} of the run"
    return Finding("learning rate decayed to nothing", evidence, "--config configs/with/cosine.yaml")


def both_high(known: History, limits: Limits) -> Finding | None:
    """Find, at the end, that little was learned of either split."""
    if known.baseline is None or len(known.losses) < 2 or not known.validations:
        return None
    train, validation = statistics.fmean(known.losses[-5:]), known.validations[-1][2]
    if min(train, validation) <= limits.high * known.baseline:
        return None
    evidence = (
        f"training loss {train:.3g} and validation loss {validation:.3g}, where always predicting the same "
        f"would score {known.baseline:.3g}"
    )
    return Finding(
        "underfitting", evidence, f"{NETWORK}.hidden_features [64,64], or more epochs, or a larger learning rate"
    )


Symptom = Callable[[History, Limits], Finding | None]
SYMPTOMS: tuple[Symptom, ...] = (
    weights_zero,
    weights_not_changing,
    gradients_exploding,
    gradients_vanishing,
    units_dead,
    loss_oscillating,
    loss_not_falling,
    overfitting,
    rate_decayed,
)
