"""Comparison as tables: a row for each group, and the differences to the baseline."""

from collections import Counter
from dataclasses import dataclass

from engine import console
from engine.comparison.compare import Comparison, best_epochs, data_letters, sampling_error, scores
from engine.comparison.groups import Group, differing, plain
from engine.comparison.summary import summary


@dataclass(frozen=True)
class Table:
    """Names of columns and rows of texts; a text of a metric begins with its mean."""

    names: list[str]
    rows: list[list[str]]


def groups(comparison: Comparison, everything: bool = False) -> Table:
    """Return a row for each group: settings that differ, metrics as mean ± sd (n), best epoch, time and more.

    Args:
        comparison: What to show.
        everything: Show all settings, and the metrics of single classes.
    """
    every, settings = comparison.groups, differing(comparison.groups, everything)
    letters = data_letters(every)
    columns = {"group": [group.name for group in every]}
    if len(set(letters.values())) > 1:
        columns["test data"] = [letters.get(group.name, "-") for group in every]
    for key, values in settings.items():
        columns[_short(key, list(settings))] = [plain(value) for value in values]
    for metric in [name for group in every for name in group.metrics] if everything else comparison.metrics:
        columns[metric] = [str(scores(group, metric) or "-") for group in every]
        errors = [sampling_error(group, metric) for group in every]
        if any(error is not None for error in errors):
            columns["sampling s.e."] = ["-" if error is None else f"{error:.2g}" for error in errors]
    columns["best epoch"] = [str(best_epochs(group) or "-") for group in every]
    columns["time"] = [_time(group) for group in every]
    columns["parameters"] = [_same([facts.record.get("parameters") for facts in group.runs]) for group in every]
    columns["diagnosis"] = [_diagnosis(group) for group in every]
    if any(group.others for group in every):
        columns["not averaged"] = [_others(group) for group in every]
    return Table(list(columns), [list(row) for row in zip(*columns.values(), strict=True)])


def differences(comparison: Comparison) -> Table:
    """Return a row for each difference to the baseline."""
    names = ["metric", "group", "difference", "95 % interval", "p", "verdict", "test"]
    rows = [
        [
            found.metric,
            found.group,
            f"{found.delta:+.3g}",
            "-" if found.low is None or found.high is None else f"{found.low:+.3g} to {found.high:+.3g}",
            "-" if found.p is None else "<0.001" if found.p < 0.001 else f"{found.p:.3f}",
            found.verdict,
            found.test,
        ]
        for found in comparison.differences
    ]
    return Table(names, rows)


def notes(comparison: Comparison) -> list[str]:
    """Return what must be known to read the tables."""
    runs = [facts for group in comparison.groups for facts in group.runs]
    lines = ["mean ± sd (n): sample standard deviation (n - 1) over n seeds"] if runs else []
    if "sampling s.e." in groups(comparison).names:
        lines.append("sampling s.e.: what the choice of the test samples alone makes of an accuracy (binomial)")
    return lines


def show(comparison: Comparison, everything: bool = False) -> None:
    """Print a row for each group, the differences to the baseline, what is not averaged and the warnings.

    Args:
        comparison: What to print.
        everything: Show all settings of a group, and the metrics of single classes.
    """
    table = groups(comparison, everything)
    console.table(f"{console.count(len(table.rows), 'group')} of runs", table.names, table.rows, repeated=True)
    for line in notes(comparison):
        console.say(f"({line})")
    if comparison.differences:
        console.say("")
        for line in lines(comparison):
            console.say(line)
    for line in comparison.warnings:
        console.say(f"note: {line}")


def lines(comparison: Comparison) -> list[str]:
    """Return each difference to the baseline in two lines, which no terminal cuts."""
    found, metric = [f"difference to {comparison.baseline}, 95 % interval"], ""
    table = differences(comparison)
    for name, group, delta, interval, p, verdict, test in table.rows:
        found += [name] if name != metric else []
        metric = name
        bounds = "" if interval == "-" else f" ({interval})"
        found.append(f"  {group}: {delta}{bounds}{'' if p == '-' else f', p {p}'}: {verdict}")
        found += [f"      {test}"] if test != "none" else []
    return found


def _short(key: str, keys: list[str]) -> str:
    """Return the shortest end of a key that no other key has: lr, optimizer.lr."""
    parts = key.split(".")
    for start in range(len(parts) - 1, 0, -1):
        tail = ".".join(parts[start:])
        if sum(other == tail or other.endswith(f".{tail}") for other in keys) == 1:
            return tail
    return key


def _time(group: Group) -> str:
    times = [facts.record["wall_time_s"] for facts in group.runs if facts.record.get("wall_time_s")]
    return console.duration(summary(times).mean) if times else "-"


def _same(values: list[int | None]) -> str:
    return f"{values[0]:,}" if values and values[0] is not None and len(set(values)) == 1 else "-"


def _diagnosis(group: Group) -> str:
    """Return what the diagnoses found, and in how many runs."""
    records = [facts.record.get("diagnosis") for facts in group.runs]
    found = Counter(str(text).split(":")[0] for texts in records for text in texts or [])
    if not found:
        return "healthy" if records and all(texts == [] for texts in records) else "-"
    return "; ".join(f"{name} ({number} of {len(records)})" for name, number in found.most_common())


def _others(group: Group) -> str:
    reasons = Counter(reason.split(" (")[0] for reason in group.others.values())
    return ", ".join(f"{number} {reason}" for reason, number in reasons.items()) or "-"
