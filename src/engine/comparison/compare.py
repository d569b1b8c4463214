"""Comparison of groups: metrics as mean and sd over seeds, differences to a baseline, and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.comparison.facts import best, main_metrics
from engine.comparison.groups import Group, conditions, differing, gather
from engine.comparison.summary import Summary, binomial_error, summary
from engine.errors import UsageError, nearest
from engine.logs.metric_names import WORDS, words
from engine.runs.folder import Run

if TYPE_CHECKING:
    from engine.comparison.verdicts import Difference

# Settings of the data that leave the units of a loss as they are; others may change a standardization.
NO_UNITS = ("data.batch_size", "data.num_workers", "data.drop_last", "data.augment", "data.balanced")


@dataclass(frozen=True)
class Comparison:
    """What `compare` prints, and a study reports."""

    groups: list[Group]
    baseline: str | None
    differences: list[Difference]
    warnings: list[str]

    @cached_property
    def metrics(self) -> list[str]:
        """Names of the test metrics, without those of single classes."""
        return main_metrics(name for group in self.groups for name in group.metrics)

    def as_json(self, everything: bool = False) -> dict[str, Any]:
        """Return groups, differences and warnings in plain values: the contract of --json."""
        settings = differing(self.groups, everything)
        groups = [
            {
                "name": group.name,
                "runs": [facts.run.title for facts in group.runs],
                "settings": group.settings if everything else {key: row[place] for key, row in settings.items()},
                "metrics": {name: asdict(found) for name in group.metrics if (found := scores(group, name))},
            }
            for place, group in enumerate(self.groups)
        ]
        return {
            "groups": groups,
            "differences": [asdict(found) for found in self.differences],
            "warnings": self.warnings,
        }


def compare(runs: Sequence[Run], baseline: str | None = None) -> Comparison:
    """Return the comparison of some runs.

    Args:
        runs: Their folders; the order is that of the groups.
        baseline: Name of a group, or title of a run in it.

    Raises:
        UsageError: If there is no such baseline, a file of a run is damaged, or a group has a seed twice.
    """
    groups = gather(runs)
    warnings = [f"{title} is not averaged: {why}" for group in groups for title, why in group.others.items()]
    warnings += [text for group in groups for text in _mixed(group)]
    warnings += _origins(groups)
    comparison = Comparison(groups, None, [], warnings)
    if len(set(data_letters(groups).values())) > 1:
        warnings.append(
            "scores of different test data, splits or preprocessing can't be ranked: see the column test data"
        )
    if baseline is None:
        return comparison
    return _against(comparison, _named(groups, baseline))


def scores(group: Group, metric: str) -> Summary | None:
    """Return mean and sd of a test metric, None where the runs of a group can't be averaged."""
    values = group.values(metric)
    return summary(values) if values else None


def data_letters(groups: Sequence[Group]) -> dict[str, str]:
    """Return a letter for what each group with runs was tested on, equal for the same; "?" where that is unknown."""
    known = list(dict.fromkeys(group.data for group in groups if group.runs and group.data))
    return {
        group.name: chr(ord("A") + known.index(group.data)) if group.data else "?" for group in groups if group.runs
    }


def best_epochs(group: Group) -> Summary | None:
    """Return the epoch of the best checkpoint over seeds."""
    found = [best(facts.record) for facts in group.runs]
    epochs = [float(each["epoch"]) for each in found if each]
    return summary(epochs) if epochs else None


def sampling_error(group: Group, metric: str) -> float | None:
    """Return the binomial standard error of an accuracy, None of other metrics."""
    found, samples = scores(group, metric), [facts.tested.get("samples") for facts in group.runs]
    if found is None or not metric.endswith("/accuracy") or not all(samples) or not 0 <= found.mean <= 1:
        return None
    return binomial_error(found.mean, samples[0] or 1)


def _named(groups: Sequence[Group], name: str) -> Group:
    for group in groups:
        if name == group.name or name in {facts.run.title for facts in group.every}:
            return group
    names = [group.name for group in groups]
    raise UsageError(f"no group {name}{nearest(name, names)} (groups: {', '.join(names)})")


def _against(comparison: Comparison, baseline: Group) -> Comparison:
    from engine.comparison.verdicts import differences  # scipy takes a second

    ranked, warnings = [], list(comparison.warnings)
    for group in comparison.groups:
        if group is not baseline:
            why = _unlike(group, baseline)
            warnings += [f"{group.name} is not ranked against {baseline.name}: {why}"] if why else []
            ranked += [] if why else [group]
    found = []
    for metric in comparison.metrics:
        able = [group for group in ranked if group.values(metric) and baseline.values(metric)]
        if set(words(metric)) - WORDS["test"] == {"loss"}:
            other = {group.name: _other_loss(group, baseline) for group in able}
            warnings += [f"{metric} of {name} is not ranked: {why}" for name, why in other.items() if why]
            able = [group for group in able if not other[group.name]]
        found += differences(able, baseline, metric)
    return Comparison(comparison.groups, baseline.name, found, warnings)


def _unlike(group: Group, baseline: Group) -> str:
    """Return why the scores of two groups can't be ranked, "" if they can."""
    for side in (group, baseline):
        if not side.runs:
            return f"{side.name} has no run that is finished and tested"
        if side.data is None:
            return f"it is not recorded what {side.name} was tested on; test it again"
    if group.data == baseline.data:
        return ""
    parts = [side.runs[0].tested for side in (group, baseline)]
    if parts[0]["digest"] != parts[1]["digest"]:
        return "other test samples (other data, another split or other preprocessing)"
    if parts[0].get("changed") != parts[1].get("changed"):
        changed = {**(parts[0].get("changed") or {}), **(parts[1].get("changed") or {})}
        return f"tested with other settings ({', '.join(changed)})"
    return "one was tested with another checkpoint (best or last)"


def _other_loss(group: Group, baseline: Group) -> str:
    """Return why the losses of two groups have other units, "" if they are alike."""
    for key in differing([group, baseline]):
        if "loss" in key.split(".") or (key.startswith("data.") and not key.startswith(NO_UNITS)):
            return f"{key} differs, and with it what the loss measures"
    return ""


def _mixed(group: Group) -> list[str]:
    """Return why runs of a group, or one of its metrics, are not averaged."""
    if len({conditions(facts) for facts in group.runs}) > 1:
        return [f"{group.name} is not averaged: its runs were tested on different samples or checkpoints"]
    missing = [name for name in group.metrics if not group.values(name)]
    return [f"{name} of {group.name} is not averaged: it is missing or not finite in a run" for name in missing]


def _origins(groups: Sequence[Group]) -> list[str]:
    """Return a line if runs come from different commits or versions of packages."""
    records = [facts.record for group in groups for facts in group.runs]
    commits = {str(record.get("git_commit"))[:8] for record in records}
    versions = {str(sorted((record.get("versions") or {}).items())) for record in records}
    lines = [f"the runs are of different commits: {', '.join(sorted(commits))}"] if len(commits) > 1 else []
    return lines + (["the runs are of different versions of packages: see diff A B"] if len(versions) > 1 else [])
