"""Columns of a list of runs: facts by name, test metrics, and any setting by the tail of its key."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.comparison.facts import Facts, best
from engine.errors import UsageError, nearest

Value = str | int | float | bool | None

FACTS: dict[str, Callable[[Facts], Any]] = {
    "run": lambda facts: facts.run.title,
    "name": lambda facts: facts.name,
    "study": lambda facts: facts.study,
    "status": lambda facts: facts.status,
    "started": lambda facts: facts.record.get("started"),
    "age": lambda facts: age(facts),
    "epochs": lambda facts: facts.record.get("epochs"),
    "best": lambda facts: (best(facts.record) or {}).get("score"),
    "epoch": lambda facts: (best(facts.record) or {}).get("epoch"),
    "test": lambda facts: facts.scores,
    "seed": lambda facts: facts.seed,
    "time": lambda facts: facts.record.get("wall_time_s"),
    "parameters": lambda facts: facts.record.get("parameters"),
    "diagnosis": lambda facts: facts.record.get("diagnosis"),
    "commit": lambda facts: facts.record.get("git_commit"),
}
ALIASES = {"wall_time_s": "time", "wall_time": "time", "git_commit": "commit", "title": "run", "score": "best"}


class Columns:
    """The values of some runs by column.

    Args:
        runs: All runs that there are: a name is looked for in all of them.
        first: Those in which a setting is looked for first; a thousand configs take seconds to read.
    """

    def __init__(self, runs: Sequence[Facts], first: Sequence[Facts] = ()) -> None:
        self.runs, self.first = runs, first
        self._found: dict[str, Callable[[Facts], Any]] = {}

    def value(self, facts: Facts, name: str) -> Any:
        """Return the value of a run in a column, None if it has none.

        Raises:
            UsageError: If no run has such a column, or the tail of a setting's key is that of several.
        """
        if name not in self._found:
            self._found[name] = self._column(ALIASES.get(name, name))
        return self._found[name](facts)

    def _column(self, name: str) -> Callable[[Facts], Any]:
        if name in FACTS:
            return FACTS[name]
        if "/" in name:
            return self._metric(name)
        keys = _keys(self.first, name) or _keys(self.runs, name)
        if name in keys:
            keys = {name}
        if len(keys) == 1:
            key = keys.pop()
            return lambda facts: settings(facts).get(key)
        if keys:
            raise UsageError(f"{name} is the end of several settings: {', '.join(sorted(keys))}")
        every = {key for facts in self.runs for key in settings(facts)}
        tails = {key.rpartition(".")[2] for key in every}
        raise UsageError(f"no column {name}{nearest(name, [*FACTS, *self._metrics(), *sorted(tails)])}")

    def _metric(self, name: str) -> Callable[[Facts], Any]:
        if name not in (names := self._metrics()) and self.runs:
            raise UsageError(f"no run has the metric {name}{nearest(name, names)}")
        return lambda facts: _metrics(facts).get(name)

    def _metrics(self) -> list[str]:
        return sorted({name for facts in self.runs for name in _metrics(facts)})


def _keys(runs: Sequence[Facts], name: str) -> set[str]:
    """Return the keys of settings that end with a name."""
    return {key for facts in runs for key in settings(facts) if key == name or key.endswith(f".{name}")}


def settings(facts: Facts) -> dict[str, Any]:
    """Return the settings of a run, none if they cannot be read: one such run must not hide the others."""
    try:
        return facts.settings
    except UsageError:
        return {}


def _metrics(facts: Facts) -> dict[str, Any]:
    """Return the metrics of a run's test and of its best epoch."""
    metrics: dict[str, Any] = (facts.record.get("best") or {}).get("metrics") or {}
    return {**metrics, **(facts.scores or {})}


def age(facts: Facts) -> float | None:
    """Return the seconds since a run was started."""
    started = facts.record.get("started")
    try:
        return time.time() - datetime.fromisoformat(str(started)).timestamp() if started else None
    except ValueError:
        return None


def since(text: str) -> str | None:
    """Return the time so long ago, as runs write it: 90s, 30m, 12h, 2d, 1w; None if it is not of this form."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    if text[-1:] not in units or not text[:-1].replace(".", "", 1).isdigit():
        return None
    return datetime.fromtimestamp(time.time() - float(text[:-1]) * units[text[-1]], UTC).isoformat(timespec="seconds")
