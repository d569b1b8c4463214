"""Differences to a baseline: the test that the runs allow, its interval, and a verdict in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.comparison import predictions, statistics
from engine.comparison.facts import Facts
from engine.comparison.groups import Group
from engine.comparison.statistics import LEVEL, Estimate
from engine.console import count

SEEDS = 3  # a side: the least from which the spread over seeds can be told
ROUNDING = 1e-6  # of a score: differences this small come from the order of float32 sums
LOST = ("diverged", "failed")
LOWER_IS_BETTER = {"loss", "error", "mae", "mse", "rmse", "mape", "perplexity", "bits"}
HIGHER_IS_BETTER = {"accuracy", "r2", "f1", "precision", "recall", "auroc", "auc", "ap"}


@dataclass(frozen=True)
class Difference:
    """A group against the baseline in one metric: delta is group minus baseline."""

    group: str
    baseline: str
    metric: str
    delta: float
    low: float | None  # of the 95 % interval
    high: float | None
    test: str  # its name, and what it is about
    p: float | None  # after Holm where several groups are tested
    verdict: str = ""

    @property
    def significant(self) -> bool:
        """Whether the test rejects and the interval excludes 0: a bootstrap's two halves may disagree."""
        excluded = self.low is not None and self.high is not None and not self.low <= 0 <= self.high
        return self.p is not None and self.p < LEVEL and excluded


def differences(group_list: Sequence[Group], baseline: Group, metric: str) -> list[Difference]:
    """Return the difference of each group to the baseline in a metric, with p-values after Holm."""
    found = [(group, _difference(group, baseline, metric)) for group in group_list]
    tested = [place for place, (_, difference) in enumerate(found) if difference.p is not None]
    adjusted = statistics.holm([found[place][1].p or 0.0 for place in tested])
    for place, p in zip(tested, adjusted, strict=True):
        group, difference = found[place]
        name = f"{difference.test}, Holm over {len(tested)}" if len(tested) > 1 else difference.test
        found[place] = group, replace(difference, p=p, test=name)
    return [
        replace(difference, verdict=_verdict(difference, group, baseline, len(tested)) + _without(group, baseline))
        for group, difference in found
    ]


def _without(group: Group, baseline: Group) -> str:
    """Return a reminder of runs that went wrong: those that are left may be the lucky ones."""
    lost = {side.name: [why for why in side.others.values() if why in LOST] for side in (group, baseline)}
    texts = [f"{len(reasons)} of {name} ({reasons[0]})" for name, reasons in lost.items() if reasons]
    return f"; without {' and '.join(texts)}" if texts else ""


def _difference(group: Group, baseline: Group, metric: str) -> Difference:
    a, b = group.values(metric), baseline.values(metric)
    names = (group.name, baseline.name, metric)
    delta = float(np.mean(a) - np.mean(b))
    if min(len(a), len(b)) >= SEEDS:
        if len({*a}) == len({*b}) == 1:
            return Difference(*names, delta, delta, delta, "none: the seed changes nothing", None)
        same = group.seeds == baseline.seeds
        test = f"paired t over {len(a)} seeds" if same else f"Welch's t over {len(a)} and {len(b)} seeds"
        return _tested(names, (statistics.paired if same else statistics.welch)(a, b), test)
    return _networks(group, baseline, names) or Difference(*names, delta, None, None, "none", None)


def _networks(group: Group, baseline: Group, names: tuple[str, str, str]) -> Difference | None:
    """Return the test of two networks on the same samples, if there is one."""
    common = [seed for seed in group.seeds if seed in baseline.seeds]
    pair = [_of(side, common[0] if common else None) for side in (group, baseline)]
    a, b = map(predictions.read, pair)
    if a is None or b is None or not a.metric == b.metric == names[2] or a.known != b.known:
        return None
    of = f"of {pair[0].run.title} and {pair[1].run.title} on {len(a.values):,} samples"
    if a.metric == predictions.ACCURACY:
        return _tested(names, statistics.mcnemar(a.values, b.values), f"McNemar (exact) {of}")
    return _tested(names, statistics.paired_bootstrap(a.values, b.values), f"paired bootstrap {of}")


def _of(group: Group, seed: int | None) -> Facts:
    return next((facts for facts in group.runs if facts.seed == seed and seed is not None), group.runs[0])


def _tested(names: tuple[str, str, str], found: Estimate, test: str) -> Difference:
    return Difference(*names, found.delta, found.low, found.high, test, found.p)


def _verdict(difference: Difference, group: Group, baseline: Group, tested: int) -> str:
    a, b = group.values(difference.metric), baseline.values(difference.metric)
    few = min(len(a), len(b)) < SEEDS
    sides = f"{count(len(a), 'seed')} against {len(b)}" if len(a) != len(b) else f"{count(len(a), 'seed')} a side"
    nothing = (
        f"{sides} {'says' if len(a) == len(b) == 1 else 'say'} nothing about the recipe: that takes {SEEDS} or more"
    )
    if abs(difference.delta) <= ROUNDING * max(map(abs, [*a, *b])):
        return f"equal but for rounding{f'; {nothing}' if few else ''}"
    if difference.p is None:
        return nothing if few else f"{_word(difference, group)} by the same amount with every seed"
    shown = _word(difference, group) if difference.significant else "no difference shown"
    if few:
        found = f"this network is {shown}" if difference.significant else f"{shown} between these two networks"
        return f"{found} on these samples; {nothing}"
    if difference.significant:
        return f"{shown} than {difference.baseline}"
    corrected = tested > 1 and (difference.low or 0) * (difference.high or 0) > 0
    after = f" after the correction for {tested} groups" if corrected else ""
    return f"{shown}{after}; {_needed(a, b, difference, tested)}"


def _needed(a: Sequence[float], b: Sequence[float], difference: Difference, tested: int) -> str:
    """Return how many seeds would show a difference of the size that was seen."""
    pairs = difference.test.startswith("paired")
    spread = np.std(np.subtract(a, b), ddof=1) if pairs else np.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2)
    needed = statistics.seeds_needed(abs(difference.delta) / float(spread), pairs, LEVEL / tested)  # Holm's first step
    number = "over 1,000" if needed is None else f"about {max(needed, len(a) + 1, len(b) + 1)}"
    return f"to show one of {abs(difference.delta):.2g} takes {number} seeds a side"


def _word(difference: Difference, group: Group) -> str:
    """Return better or worse, and where it is not known which way is better, higher or lower."""
    name = difference.metric.rpartition("/")[2]
    settings, words = group.settings, set(name.split("_"))
    mode = ""
    if str(settings.get("callbacks.checkpoint.monitor")).rpartition("/")[2] == name:
        mode = str(settings.get("callbacks.checkpoint.mode"))
    elif "ratio" not in words and words & (LOWER_IS_BETTER | HIGHER_IS_BETTER):
        mode = "min" if words & LOWER_IS_BETTER else "max"
    if mode not in ("min", "max"):
        return "higher" if difference.delta > 0 else "lower"
    return "better" if (difference.delta > 0) == (mode == "max") else "worse"
