"""`runs`: the runs there are, a line each."""

import argparse
import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.commands import COMMANDS
from engine.comparison import find
from engine.comparison.columns import Columns
from engine.comparison.facts import Facts, best, main_metrics
from engine.comparison.filters import EXAMPLES, matching
from engine.errors import UsageError
from engine.project import program
from engine.runs.folder import FOLDER, Run
from engine.settings.options import Parser

NEWEST = 20  # runs in a table, where -n does not say how many
SHOWN = ("run", "status", "age", "epochs", "best", "test", "seed", "time", "commit", "diagnosis")  # best: score @ epoch
# Left out first where a terminal is narrow; then the table is shown in parts.
NARROW = ("commit", "diagnosis", "time", "seed", "epochs", "age")


def run(command: str, words: Sequence[str]) -> None:
    """Print the runs that match the filters, newest last.

    Raises:
        UsageError: If an option or a filter is wrong, or there is no run at all.
    """
    options = parser(command).parse_intermixed_args(words)
    root = Path(options.root or ".")
    every = sorted(map(read, find.everything(root)), key=_started)
    if not every and not options.json:
        raise UsageError(f"no runs in {root / FOLDER}. Train one: {program()} fit --config configs/NAME.yaml")
    found = matching(every, options.filters)
    if options.sort:
        found = _sorted(found, Columns(every, found), options.sort)
    if not options.columns and options.json:
        found = found[-options.n :] if options.n else found
        _write(json.dumps([as_json(facts) for facts in found], indent=2) + "\n")
        return
    names = options.columns.split(",") if options.columns else list(SHOWN)
    plain = options.json or options.csv or options.markdown
    number = options.n if options.n is not None else 0 if plain else NEWEST
    shown, values = found[-number:] if number else found, Columns(every, found)
    rows = [[values.value(facts, name) for name in names] for facts in shown]
    if options.json:
        _write(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2) + "\n")
    elif options.csv:
        _csv(names, rows)
    else:
        texts = [
            [_text(name, value, facts) for name, value in zip(names, row, strict=True)]
            for row, facts in zip(rows, shown, strict=True)
        ]
        _table(names, texts, len(found), len(every), options)


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    usage = f"{program()} {command} [FILTER ...] [options]"
    about = f"{COMMANDS[command].help}. Filters: {EXAMPLES}; a setting by the end of its key."
    parser = Parser(prog=f"{program()} {command}", usage=usage, allow_abbrev=False, description=about)
    add = parser.add_argument
    add("filters", nargs="*", metavar="FILTER", help="show runs for which this holds; of several, all must")
    add("--sort", metavar="KEY", help="order by this column, greatest last; --sort=-KEY: greatest first")
    add("-n", type=_count, metavar="N", help=f"the last N runs; 0: all (default: {NEWEST}, all with --json and --csv)")
    add("--columns", metavar="A,B", help="columns: run, status, test/accuracy, val/loss, lr, any setting")
    for form, text in (("json", "a list of objects"), ("csv", "CSV"), ("markdown", "a table in Markdown")):
        add(f"--{form}", action="store_true", help=f"print {text}")
    add("--trainer.default_root_dir", dest="root", metavar="DIR", help="folder that holds lightning_logs (default: .)")
    return parser


def read(run: Run) -> Facts:
    """Return the facts of a run; those of a damaged run.json are its status."""
    try:
        return Facts.read(run)
    except (UsageError, OSError):
        return Facts(run, {"status": "damaged"})


def as_json(facts: Facts) -> dict[str, Any]:
    """Return a run in plain values: the contract of --json."""
    record = facts.record
    return {
        "run": facts.run.title,
        "folder": str(facts.run.folder),
        "name": facts.name,
        "status": facts.status,
        "started": record.get("started"),
        "seed": facts.seed,
        "epochs": record.get("epochs"),
        "best": best(record),
        "test": facts.scores,
        "wall_time_s": record.get("wall_time_s"),
        "commit": record.get("git_commit"),
        "diagnosis": record.get("diagnosis"),
        "study": facts.study,
    }


def _table(names: list[str], rows: list[list[str]], found: int, every: int, options: argparse.Namespace) -> None:
    from engine import console  # rich takes longer to import than a thousand runs to read

    title = console.count(found, "run") if found == every else f"{found:,} of {console.count(every, 'run')}"
    if len(rows) < found:
        title = f"{'last' if options.sort else 'newest'} {len(rows)} of {title} (-n 0 shows all)"
    if options.markdown:
        lines = [names, ["---"] * len(names), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
        _write("".join(f"| {' | '.join(line)} |\n" for line in lines))
        return
    if not rows:
        console.say(title)
        return
    hidden = [] if options.columns else console.too_wide(names, rows, NARROW)
    kept = [place for place, name in enumerate(names) if name not in hidden]
    console.table(title, [names[place] for place in kept], [[row[place] for place in kept] for row in rows])
    if hidden:
        console.say(f"(not shown in a narrow terminal: {', '.join(hidden)}; --columns chooses)")


def _csv(names: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[json.dumps(cell) if isinstance(cell, dict | list) else cell for cell in row] for row in rows])
    _write(text.getvalue())


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # its reader has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _text(name: str, value: Any, facts: Facts) -> str:
    """Return a value as a person reads it in a table."""
    if name == "diagnosis" and value is not None:
        return "; ".join(str(text).split(":")[0] for text in value) or "healthy"
    if value is None or value == {}:
        return "-"
    if name == "age":
        return _ago(value)
    if name == "best":
        found = best(facts.record) or {}
        return f"{found['monitor']} {value:.4g} @ {found['epoch']}"
    if name == "test":
        *others, loss = sorted(main_metrics(value), key=lambda key: key.endswith("/loss"))
        return ", ".join(f"{key.removeprefix('test/')} {_text('', value[key], facts)}" for key in others[:2] or [loss])
    if name in ("time", "wall_time_s"):
        from engine.console import duration

        return duration(value)
    if name == "commit":
        return str(value)[:8] + ("+" if "+" in str(value) else "")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _ago(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _sorted(runs: list[Facts], values: Columns, name: str) -> list[Facts]:
    """Return runs ordered by a column; those without a value come first."""
    column = name.removeprefix("-")

    def key(facts: Facts) -> tuple[int, float, str]:
        value = values.value(facts, column)
        number = isinstance(value, int | float)
        return (0 if value is None else 1 if number else 2), float(value) if number else 0.0, str(value)

    there = [facts for facts in runs if values.value(facts, column) is not None]
    missing = [facts for facts in runs if values.value(facts, column) is None]
    return [*missing, *sorted(there, key=key, reverse=name.startswith("-"))]


def _started(facts: Facts) -> str:
    """Return when a run was started, for one that does not say so when its folder was changed."""
    started = facts.record.get("started")
    if isinstance(started, str):
        return started
    return datetime.fromtimestamp(facts.run.folder.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a number from 0 on: {text!r}")
    return int(text)
