"""Filters of runs, each a word: mnist_*, status=failed, test/accuracy>=0.98, lr<1e-2, since=2d."""

import operator
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from engine.comparison.columns import ALIASES, FACTS, Columns, since
from engine.comparison.facts import Facts
from engine.errors import UsageError

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
FORM = re.compile(r"([^<>=!]+)(>=|<=|!=|==|=|>|<)(.*)", re.DOTALL)
EXAMPLES = "mnist_*, status=failed, 'test/accuracy>=0.98', 'lr<1e-2', since=2d"


def matching(runs: Sequence[Facts], words: Sequence[str]) -> list[Facts]:
    """Return the runs that all words hold for.

    Raises:
        UsageError: If a word is no filter, or names a column that no run has.
    """
    found = list(runs)
    for word in sorted(words, key=_cost):
        matches = _filter(Columns(runs, found), word)
        found = [facts for facts in found if matches(facts)]
    return found


def _cost(word: str) -> int:
    """Return a key that puts first what reads fewer files: names and facts, metrics, settings."""
    match = FORM.fullmatch(word)
    return 0 if not match or ALIASES.get(match[1], match[1]) in {*FACTS, "since"} else 1 if "/" in match[1] else 2


def _filter(columns: Columns, word: str) -> Callable[[Facts], bool]:
    match = FORM.fullmatch(word)
    if match is None:
        return lambda facts: _named(facts, word)
    name, sign, text = match[1].strip(), match[2], match[3].strip()
    if name == "since":
        time = since(text)
        if time is None or sign not in ("=", "=="):
            raise UsageError(f"{word}: write since=30m, since=12h, since=2d or since=1w")
        return lambda facts: str(facts.record.get("started") or "") >= time
    if name == "test":
        raise UsageError(f"{word}: name the metric: test/loss{sign}{text}")
    number = _number(text)
    if number is None and sign in (">", "<", ">=", "<="):
        raise UsageError(f"{word}: {text!r} is not a number (filters are words such as {EXAMPLES})")
    return lambda facts: _holds(columns.value(facts, name), sign, text, number)


def _named(facts: Facts, word: str) -> bool:
    """Return whether a word is the name, the title, the study or the folder of a run, with wildcards or without."""
    names = (facts.name, facts.run.title, facts.study or "", f"{facts.study}/{facts.name}")
    return any(fnmatchcase(name, word.rstrip("/")) for name in (*names, str(facts.run.folder)))


def _holds(value: Any, sign: str, text: str, number: float | None) -> bool:
    if isinstance(value, list) and sign in ("=", "==", "!="):  # the diagnosis
        held = any(fnmatchcase(str(item), f"{text}*") for item in value) or (not value and text in ("", "healthy"))
        return held != (sign == "!=")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return sign == "!=" if number is None else OPERATORS[sign](value, number)
    if sign in (">", "<", ">=", "<="):
        return False
    plain = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    held = any(fnmatchcase(part, text) for part in (plain, plain.rpartition(".")[2]))
    return held != (sign == "!=")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
