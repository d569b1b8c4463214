"""Symptoms in the losses of training and validation: each a function from a history to a finding or None."""

import statistics

from engine.diagnosis.advice import either
from engine.diagnosis.finding import Finding, Limits
from engine.diagnosis.history import JUDGED, SMOOTH, History
from engine.diagnosis.symptoms import NEAR

NORMAL = 1.48  # standard deviation of a normal distribution over its median absolute deviation


def loss_not_finite(history: History) -> Finding:
    """Return the finding for a loss that is not finite, with the gradients before it."""
    norms = history.norms[-5:] or history.early
    evidence = f"norms of the gradients before: {', '.join(f'{norm:.2g}' for norm in norms) or 'not seen yet'}"
    rate = history.rates[-1] if history.rates else 0.0
    slower = history.setup.rate(rate / 10) if rate else "a smaller learning rate"
    return Finding("loss not finite", evidence, either(slower, history.setup.clip()))


def loss_oscillating(history: History, limits: Limits) -> Finding | None:
    """Find a loss that jumps up and down without getting anywhere."""
    recent = history.losses[-JUDGED:]
    if len(recent) < JUDGED:
        return None
    middle = statistics.median(recent)
    deviation = NORMAL * statistics.median(abs(loss - middle) for loss in recent)  # a few outliers do not count
    swing = deviation / middle if middle > 0 else 0.0
    stuck = statistics.fmean(recent[JUDGED // 2 :]) > 0.8 * statistics.fmean(recent[: JUDGED // 2])
    # The means of a block differ by their standard error, even where the loss stays as it is.
    noise = statistics.median(history.errors[-JUDGED:] or [0.0])
    # Above the baseline nothing is learned, and half of the limit is enough.
    limit = limits.swing / 2 if middle > history.scale else limits.swing
    if swing < limit or deviation < 3 * noise or not stuck or middle < 0.2 * history.scale:
        return None
    rate = history.rates[-1] if history.rates else 0.0
    evidence = f"training loss swings by {swing:.0%} around {middle:.3g} without falling, learning rate {rate:.1g}"
    return Finding("loss oscillating", evidence, history.setup.rate(rate / 10))


def loss_not_falling(history: History, limits: Limits) -> Finding | None:
    """Find a loss that is where it was at the start, or rests where a constant prediction would be."""
    if len(history.losses) < JUDGED:
        return None
    half, baseline = JUDGED // 2, history.baseline
    first, before = statistics.fmean(history.losses[:2]), statistics.fmean(history.losses[-JUDGED:-half])
    now = statistics.fmean(history.losses[-half:])
    if baseline is not None and now < limits.high * baseline:
        return None
    at_chance = baseline is not None and now > (1 - limits.fall) * baseline and now > before - limits.fall * abs(before)
    if now > first - limits.fall * abs(first):
        evidence = f"training loss {first:.4g} at the start, {now:.4g} now"
    elif at_chance:
        evidence = (
            f"training loss {now:.4g} and no longer falling; always predicting the same would score {baseline:.4g}"
        )
    else:
        return None
    rate = history.rates[-1] if history.rates else 0.0
    return Finding("loss not falling", f"{evidence}, learning rate {rate:.1g}", _way_on(history, rate, first, now))


def _way_on(history: History, rate: float, first: float, now: float) -> str:
    """Return a larger learning rate where the weights hardly moved, a smaller one where they went far."""
    moved = 0.0 if history.moved is None else history.moved
    if now > 1.1 * first or moved > 1:
        return history.setup.rate(rate / 10)
    if moved < NEAR:
        return history.setup.rate(10 * rate)
    return either(history.setup.larger(), "see that targets belong to their inputs, and that inputs are standardized")


def overfitting(history: History, limits: Limits) -> Finding | None:
    """Find a validation loss that rises while the training loss falls, or that is many times the training loss."""
    if len(history.validations) <= SMOOTH or not history.best or history.best[2] <= 0:
        return None
    (best_epoch, best_train, best), after = history.best, history.after_best()
    epoch, _, now = history.newest_validation()
    newest = min(row[2] for row in history.validations[-SMOOTH:])  # one that jumps up says little
    train, later = history.validations[-1][1], statistics.fmean(after)
    certain = len(after) >= SMOOTH and later - best > 2 * history.validation_noise()
    rises = certain and min(now, later) > limits.rise * max(best, train) and train < 0.9 * best_train
    newer, matters = min(now, later), limits.low * history.scale
    if rises and (newer - best > matters or (newer > 3 * train and newer > matters)):
        evidence = (
            f"validation loss rose from {best:.3g} (epoch {best_epoch:.0f}) to {now:.3g} (epoch {epoch:.0f}), "
            f"training loss fell from {best_train:.3g} to {train:.3g}"
        )
    elif history.baseline is not None and newest > max(limits.gap * train, 0.25 * history.baseline):
        evidence = (
            f"validation loss {now:.3g} (epoch {epoch:.0f}) is {now / max(train, 1e-12):.3g} times the training loss, "
            f"{train:.3g}; always predicting the same would score {history.baseline:.3g}"
        )
    else:
        return None
    return Finding("overfitting", evidence, either(history.setup.decay(), "early stopping", "more data"))


def validation_at_chance(history: History, limits: Limits) -> Finding | None:
    """Find, at the end, that what was learned of the training split does not help on the other."""
    train, baseline = history.recent_loss(), history.baseline
    if baseline is None or train is None or not history.validations or train > limits.high * baseline:
        return None
    loss = history.validations[-1][2]
    if loss < (1 - limits.fall) * baseline:
        return None
    evidence = (
        f"validation loss {loss:.4g}, where always predicting the same would score {baseline:.4g}; "
        f"training loss {train:.3g}"
    )
    return Finding("validation no better than chance", evidence, "splits of the same kind of data, or more data")


def underfitting(history: History, limits: Limits) -> Finding | None:
    """Find, at the end, that little was learned of either split."""
    train, baseline = history.recent_loss(), history.baseline
    if baseline is None or train is None or len(history.losses) < JUDGED:
        return None
    validation = history.validations[-1][2] if history.validations else None
    if min(train, train if validation is None else validation) <= limits.high * baseline:
        return None
    half, setup = JUDGED // 2, history.setup
    before, now = statistics.fmean(history.losses[-JUDGED:-half]), statistics.fmean(history.losses[-half:])
    falls = now < 0.95 * before
    both = f" and validation loss {validation:.3g}" if validation is not None else ""
    evidence = (
        f"training loss {train:.3g}{both}{', still falling,' if falls else ''} at the end; "
        f"always predicting the same would score {baseline:.3g}"
    )
    larger_rate = setup.rate(10 * max(history.rates, default=1e-4))
    return Finding("underfitting", evidence, either(setup.longer(), larger_rate) if falls else setup.larger())
