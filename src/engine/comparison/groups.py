"""Groups of runs whose settings are equal but for the seed and paths, and the settings that differ between groups."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.comparison.facts import Facts, finite
from engine.errors import UsageError
from engine.project import program
from engine.runs.folder import Run

MISSING = object()


@dataclass(frozen=True)
class Group:
    """Runs of one recipe that differ by their seeds."""

    name: str
    runs: list[Facts]  # finished and tested: these are averaged
    others: dict[str, str] = field(default_factory=dict)  # title and reason of those that are not
    left_out: list[Facts] = field(default_factory=list)  # the same runs

    @property
    def every(self) -> list[Facts]:
        """All of its runs."""
        return [*self.runs, *self.left_out]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that decide what is learned, by short keys."""
        return self.every[0].recipe()

    @property
    def seeds(self) -> list[int | None]:
        """Seeds of the averaged runs, in their order."""
        return [facts.seed for facts in self.runs]

    @property
    def data(self) -> str | None:
        """What the runs were tested on, as a text that is equal for the same; None if that is not recorded."""
        digests = {conditions(facts) for facts in self.runs}
        return digests.pop() if len(digests) == 1 else None

    def values(self, metric: str) -> list[float]:
        """Return a test metric of each run; none if a run lacks it or was tested on other samples than the rest."""
        if len({conditions(facts) for facts in self.runs}) > 1:
            return []
        values = [(facts.scores or {}).get(metric) for facts in self.runs]
        return [float(value) for value in values if value is not None] if all(map(finite, values)) else []

    @property
    def metrics(self) -> list[str]:
        """Names of the test metrics of any run."""
        return list(dict.fromkeys(name for facts in self.runs for name in facts.scores or {}))


def gather(runs: Sequence[Run]) -> list[Group]:
    """Return the groups of some runs, in the order in which their first runs are named.

    Runs of a study stay with their variant. A group has the name that tells it from the others: that of its runs, and
    where that is not enough the settings that differ.

    Raises:
        UsageError: If there is no run, a file of a run is damaged, or a group has a seed twice.
    """
    members: dict[str, list[Facts]] = {}
    for run in {run.folder.resolve(): run for run in runs}.values():
        facts = Facts.read(run)
        variant = f"{facts.study}/{facts.name}" if facts.study else ""
        members.setdefault(json.dumps([variant, facts.recipe()], sort_keys=True, default=str), []).append(facts)
    if not members:
        raise UsageError("no runs to compare")
    groups = [_group(sorted(group, key=lambda facts: facts.seed or 0)) for group in members.values()]
    names = _names(groups)
    return [Group(name, group.runs, group.others, group.left_out) for name, group in zip(names, groups, strict=True)]


def differing(groups: Sequence[Group], everything: bool = False) -> dict[str, list[Any]]:
    """Return the settings that differ between groups, and the value in each; None where a group has no such setting.

    A setting that only some groups have comes with a class that differs, and is left out unless it differs between
    those that have it, or everything is asked for.
    """
    settings = [group.settings for group in groups]
    found = {}
    for key in dict.fromkeys(key for each in settings for key in each):
        values = [each.get(key, MISSING) for each in settings]
        own = [value for value in values if everything or value is not MISSING]
        if any(value != own[0] for value in own) or (MISSING in values and not _of_a_class(key, settings)):
            found[key] = [None if value is MISSING else value for value in values]
    return found


def conditions(facts: Facts) -> str | None:
    """Return what a run was tested on and how, as a text that is equal for what may be ranked; None if unknown."""
    tested = facts.tested
    if not tested.get("digest"):
        return None
    checkpoint = str(tested.get("checkpoint", "")).replace("\\", "/").rpartition("/")[2]
    return json.dumps([tested["digest"], tested.get("changed") or {}, checkpoint], sort_keys=True)


def _of_a_class(key: str, settings: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a setting belongs to a class that only some groups have."""
    owner = key.rpartition(".")[0]
    while owner:
        if any(each.get(owner) != settings[0].get(owner) for each in settings):
            return True
        owner = owner.rpartition(".")[0]
    return False


def _group(members: list[Facts]) -> Group:
    reasons = {facts.run.folder: _reason(facts) for facts in members}
    averaged = [facts for facts in members if not reasons[facts.run.folder]]
    for seed, number in Counter(facts.seed for facts in averaged).items():
        if number > 1:
            titles = " and ".join(facts.run.title for facts in averaged if facts.seed == seed)
            raise UsageError(f"{titles} have the same settings and the same seed {seed}: name one of them")
    others = {facts.run.title: reason for facts in members if (reason := reasons[facts.run.folder])}
    return Group(members[0].name, averaged, others, [facts for facts in members if reasons[facts.run.folder]])


def _reason(facts: Facts) -> str:
    """Return why a run is not averaged, "" if it is."""
    if facts.status != "finished":
        return facts.status
    if facts.scores is None:
        return f"untested ({program()} test --run {facts.run.title})"
    return ""


def _names(groups: list[Group]) -> list[str]:
    names = [group.name for group in groups]
    if len(set(names)) < len(names):  # the same variant in two studies
        names = [f"{group.every[0].study}/{group.name}" if group.every[0].study else group.name for group in groups]
    for name in [name for name, number in Counter(names).items() if number > 1]:
        alike = [place for place, other in enumerate(names) if other == name]
        settings = differing([groups[place] for place in alike])
        for number, place in enumerate(alike):
            parts = [f"{key.rpartition('.')[2]}={plain(values[number])}" for key, values in settings.items()]
            names[place] = " ".join([name, *parts[:3]])
    return [
        f"{name} #{names[:place].count(name) + 1}" if name in names[:place] else name
        for place, name in enumerate(names)
    ]


def plain(value: Any) -> str:
    """Return a setting as a short text: the class of a class path, a number as a person writes it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value).replace(", ", ",")
    return (
        text.rpartition(".")[2] if text.replace(".", "").replace("_", "").isalnum() and not text[:1].isdigit() else text
    )
