"""Comparison of groups: metrics as mean and sd over seeds, differences to a baseline, and warnings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.comparison.groups import Group, gather
from engine.errors import UsageError, nearest
from engine.runs.folder import Run


@dataclass(frozen=True)
class Difference:
    """A group against the baseline in one metric: delta is group minus baseline."""

    group: str
    baseline: str
    metric: str
    delta: float | None
    low: float | None  # of the 95 % interval
    high: float | None
    test: str  # by name, and what it is about
    p: float | None  # after Holm where there are several groups
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """What `compare` prints, and a study reports."""

    groups: list[Group]
    baseline: str | None
    differences: list[Difference]
    warnings: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return groups, differences and warnings in plain values: the contract of --json."""
        raise NotImplementedError


def compare(runs: Sequence[Run], baseline: str | None = None) -> Comparison:
    """Return the comparison of some runs.

    Args:
        runs: Their folders; the order is that of the groups.
        baseline: Name of a group, or of a run in it.

    Raises:
        UsageError: If there is no such baseline, a file of a run is damaged, or a group has a seed twice.
    """
    groups = gather(runs)
    if baseline is not None and baseline not in (names := [group.name for group in groups]):
        raise UsageError(f"no group {baseline}{nearest(baseline, names)} (groups: {', '.join(names)})")
    return Comparison(groups, baseline, [], [])
