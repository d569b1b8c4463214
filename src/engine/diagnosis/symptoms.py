"""Symptoms in weights, gradients, units and learning rate: each a function from a history to a finding or None."""

import statistics

from engine.diagnosis.advice import either, named
from engine.diagnosis.finding import Finding, Limits
from engine.diagnosis.history import JUDGED, History

NEAR = 0.1  # of their size: weights that moved less were bad, if they are, from the start
FAR = 3.0  # times their size that weights move only by steps that are too long


def weights_zero(history: History, limits: Limits) -> Finding | None:
    """Find weights that began at zero and stay there: every unit of a layer learns the same, or nothing."""
    if not history.zero or len(history.losses) < 2:
        return None
    advice = history.setup.set("network", "init", "kaiming_normal", "weights drawn at random")
    return Finding("weights all zero", f"{named(history.zero)} hold only zeros", advice)


def weights_alike(history: History, limits: Limits) -> Finding | None:
    """Find layers whose units all have the same weights: they get the same gradients, and so stay the same."""
    if not history.alike or history.zero or len(history.losses) < 2:
        return None
    advice = history.setup.set("network", "init", "kaiming_normal", "weights drawn at random")
    return Finding("weights all alike", f"all units of {named(history.alike)} have the same weights", advice)


def weights_not_changing(history: History, limits: Limits) -> Finding | None:
    """Find a learning rate that moves nothing."""
    if history.moved is None or history.fraction < 0.1 or history.moved >= limits.moved or history.zero:
        return None
    if not history.losses or not history.rates:  # nothing was to move them
        return None
    rate = max(history.rates, default=0.0)
    evidence = f"{history.fraction:.0%} of the run changed the weights by {history.moved:.1g} of their size"
    return Finding(
        "weights hardly change", f"{evidence}, learning rate {rate:.1g}", history.setup.rate(max(10 * rate, 1e-3))
    )


def gradients_exploding(history: History, limits: Limits) -> Finding | None:
    """Find gradients so large that steps jump about, in the first steps or in several of the most recent samples."""
    limit, setup = limits.exploding * max(1.0, history.scale), history.setup
    recent = sorted(history.norms)[-3:]
    if len(recent) == 3 and recent[0] > limit:
        typical = history.typical_gradients() or {name: sizes[-1] for name, sizes in history.gradients.items()}
        where = f", the largest in {max(typical, key=lambda layer: typical[layer])}" if typical else ""
        evidence = f"norm of all gradients {statistics.median(history.norms):.3g}{where}"
    elif history.early and max(history.early) > limit:
        evidence = f"norm of all gradients {max(history.early):.3g} in the first {len(history.early)} steps"
    else:
        return None
    init = setup.set("network", "init", "xavier_uniform", "smaller initial weights and standardized data")
    return Finding("gradients exploding", evidence, either(setup.clip(), init))


def units_dead(history: History, limits: Limits) -> Finding | None:
    """Find layers of ReLU units that pass nothing on for any sample, and so can no longer learn."""
    fractions = history.dead_fractions()
    layer = max(fractions, key=lambda name: fractions[name], default=None)
    if layer is None or fractions[layer] < limits.dead:
        return None
    evidence = f"{fractions[layer]:.0%} of the units of {layer} were zero for all samples of the last batches looked at"
    setup, rate = history.setup, history.rates[-1] if history.rates else 0.0
    from_start = history.moved is not None and history.moved < NEAR
    init = setup.set("network", "init", "kaiming_normal", "biases that begin at zero")
    leaky = setup.set("network", "activation", "leaky_relu", "leaky ReLU")
    return Finding(
        "dead ReLU units", evidence, either(init if from_start or not rate else setup.rate(rate / 10), leaky)
    )


def gradients_vanishing(history: History, limits: Limits) -> Finding | None:
    """Find layers that hardly learn: little gradient reaches them, from the start or since steps were too long."""
    typical, setup = history.typical_gradients(), history.setup
    largest = max(typical.values(), default=0.0)
    weak = [name for name, size in typical.items() if size < limits.vanishing * largest]
    if not weak or history.zero:
        return None
    name = min(weak, key=lambda layer: typical[layer])
    evidence = (
        f"the gradient of {name} is {typical[name] / largest:.1g} of the largest of any layer ({len(weak)} layers so)"
    )
    if setup.saturating:
        first = setup.set("network", "activation", "relu", f"ReLU in place of {', '.join(setup.saturating)}")
    else:
        first = setup.set("network", "init", "kaiming_normal", "weights drawn for the activation (Kaiming, Xavier)")
    if setup.saturating and history.moved is not None and history.moved > FAR and history.rates:
        moved = f"{evidence}, and the weights moved by {history.moved:.2g} times their size"
        return Finding("units saturated", moved, setup.rate(max(history.rates) / 10))
    norm = setup.set("network", "batch_norm", "true", "normalization layers")
    return Finding("gradients vanishing", evidence, first if setup.normalized else either(first, norm))


def rate_decayed(history: History, limits: Limits) -> Finding | None:
    """Find a schedule that ends long before the training, while there is something left to learn."""
    if len(history.rates) < JUDGED:
        return None
    largest = max(history.rates)
    after = range(history.rates.index(largest), len(history.rates))
    idle = [block for block in after if history.rates[block] < limits.decayed * largest]
    fraction = history.fraction * len(idle) / len(history.rates)
    learned = history.losses and statistics.fmean(history.losses[-5:]) < limits.learned * history.scale
    if fraction < limits.idle or learned:
        return None
    rate = history.rates[idle[-1]]
    evidence = f"learning rate {rate:.1g}, {rate / largest:.1g} of its maximum, for {fraction:.0%} of the run"
    advice = either(history.setup.constant_rate(), "a schedule that lasts as long as the training")
    return Finding("learning rate decayed to nothing", evidence, advice)
