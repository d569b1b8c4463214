"""`diff`: settings, versions, commit, data and metrics of two runs side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import console
from engine.commands import COMMANDS
from engine.comparison.facts import Facts, best, main_metrics
from engine.project import program
from engine.runs import folder as runs
from engine.settings.options import Parser

Row = list[str]
NARROW, LONG = 120, 18  # columns of a terminal, below which longer titles of runs are not heads of columns


def run(command: str, words: Sequence[str]) -> None:
    """Print what differs between two runs, and their metrics.

    Raises:
        UsageError: If there is no such run, or a file of it is damaged.
    """
    options = parser(command).parse_args(words)
    a, b = (Facts.read(runs.find(text, Path(options.root or "."))) for text in (options.a, options.b))
    names = [a.run.title, b.run.title]
    if console.terminal().width < NARROW and max(map(len, names)) > LONG:
        console.say(f"A: {names[0]}\nB: {names[1]}\n")
        names = ["A", "B"]
    for title, rows in (("settings", settings(a, b, options.all)), ("run", facts(a, b, options.all))):
        if rows:
            console.table(
                f"{title}{'' if options.all else ' that differ' if title == 'settings' else ''}", ["", *names], rows
            )
        else:
            console.say(f"no {title} differ")
        console.say("")
    console.table("metrics", ["", *names, "difference"], metrics(a, b, options.all))
    samples = [side.tested.get("digest") for side in (a, b)]
    if a.scores and b.scores and (None in samples or samples[0] != samples[1]):
        unknown = "it is not recorded whether they were tested on the same samples"
        console.say(f"note: {unknown if None in samples else 'they were tested on different samples'}: don't rank them")


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    usage = f"{program()} {command} RUN RUN [--all]"
    parser = Parser(prog=f"{program()} {command}", usage=usage, allow_abbrev=False, description=COMMANDS[command].help)
    for name in ("a", "b"):
        parser.add_argument(name, metavar="RUN", help="a folder, product/version_3, or product for its newest")
    parser.add_argument("--all", action="store_true", help="show what is equal, too")
    text = "folder that holds lightning_logs (default: .)"
    parser.add_argument("--trainer.default_root_dir", dest="root", metavar="DIR", help=text)
    return parser


def settings(a: Facts, b: Facts, everything: bool = False) -> list[Row]:
    """Return the settings that differ, or all: key and both values."""
    keys = dict.fromkeys([*a.settings, *b.settings])
    pairs = {key: [side.settings.get(key, "-") for side in (a, b)] for key in keys}
    return [[key, *map(_plain, pair)] for key, pair in pairs.items() if everything or pair[0] != pair[1]]


def facts(a: Facts, b: Facts, everything: bool = False) -> list[Row]:
    """Return status, epochs, time, commit, test samples and versions of both; of versions those that differ."""
    rows: dict[str, list[Any]] = {
        "status": [a.status, b.status],
        **{name: [side.record.get(name) for side in (a, b)] for name in ("started", "epochs", "steps", "wall_time_s")},
        "parameters": [a.record.get("parameters"), b.record.get("parameters")],
        "commit": [a.record.get("git_commit"), b.record.get("git_commit")],
        "test samples": [_samples(a), _samples(b)],
        "diagnosis": [_diagnosis(a), _diagnosis(b)],
    }
    versions = [side.record.get("versions") or {} for side in (a, b)]
    for name in dict.fromkeys([*versions[0], *versions[1]]):
        pair = [side.get(name) for side in versions]
        if everything or pair[0] != pair[1]:
            rows[name] = pair
    return [[name, *map(_plain, pair)] for name, pair in rows.items()]


def metrics(a: Facts, b: Facts, everything: bool = False) -> list[Row]:
    """Return best score, its epoch, and the metrics of the test, with b - a; those of single classes if asked for."""
    sides = [_metrics(a), _metrics(b)]
    names, rows = {*sides[0], *sides[1]}, []
    for name in sorted(names if everything else main_metrics(names), key=console.order):
        first, second = (side.get(name) for side in sides)
        difference = "-" if first is None or second is None else f"{second - first:+.4g}"
        rows.append([name, _plain(first), _plain(second), difference])
    return rows


def _metrics(side: Facts) -> dict[str, Any]:
    found = best(side.record)
    scores = {f"best {found['monitor']}": found["score"], "best epoch": found["epoch"]} if found else {}
    return {**scores, **(side.scores or {})}


def _samples(side: Facts) -> str | None:
    digest, samples = side.tested.get("digest"), side.tested.get("samples")
    return f"{samples:,}, content {digest[:8]}" if digest else None


def _diagnosis(side: Facts) -> str | None:
    found = side.record.get("diagnosis")
    return None if found is None else "; ".join(str(text).split(":")[0] for text in found) or "healthy"


def _plain(value: Any) -> str:
    return "-" if value is None else console.number(value)
