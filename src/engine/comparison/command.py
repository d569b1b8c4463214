"""`compare`: groups of runs over seeds, and the differences to a baseline."""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.commands import COMMANDS
from engine.comparison import find
from engine.comparison.compare import compare
from engine.errors import UsageError
from engine.project import program
from engine.settings.options import Parser


def run(command: str, words: Sequence[str]) -> None:
    """Compare the runs that are named; with --output write a report.

    Raises:
        UsageError: If a run does not exist, runs of a group have the same seed, or a figure can't be drawn.
    """
    options = parser(command).parse_args(words)
    root = Path(options.root or ".")
    comparison = compare([run for text in options.runs for run in find.named(text, root)], options.baseline)
    if options.output:
        try:
            Path(options.output).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--output {options.output} cannot be made a folder: {error.strerror}") from error
    if options.figures:
        from engine.comparison import report

        report.check(comparison, options.figures)
    if options.json:
        sys.stdout.write(json.dumps(comparison.as_json(options.all), indent=2) + "\n")
    else:
        from engine.comparison import table  # rich takes longer to import than runs to read

        table.show(comparison, options.all)
    if options.output:
        from engine.comparison import report

        with contextlib.redirect_stdout(sys.stderr if options.json else sys.stdout):
            paths = report.write(comparison, Path(options.output), figures=options.figures or ())
            print(*paths, sep="\n")


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    usage = f"{program()} {command} RUN_OR_NAME ... [options]"
    parser = Parser(prog=f"{program()} {command}", usage=usage, allow_abbrev=False, description=COMMANDS[command].help)
    add = parser.add_argument
    add(
        "runs",
        nargs="+",
        metavar="RUN_OR_NAME",
        help="a run, or all runs of a name or a study: product/version_3, product",
    )
    add(
        "--baseline",
        metavar="GROUP",
        help="add the differences to this group, named as in the table or by one of its runs",
    )
    add("--all", action="store_true", help="show all settings, not only those that differ, and the metrics of classes")
    add("--output", metavar="DIR", help="write comparison.md, comparison.html and figures")
    add(
        "--figures",
        nargs="+",
        metavar="NAME",
        help="curves to draw: val/accuracy, gradient_norm (default: all usual ones)",
    )
    add("--json", action="store_true", help="print groups, differences and warnings as JSON")
    add("--trainer.default_root_dir", dest="root", metavar="DIR", help="folder that holds lightning_logs (default: .)")
    return parser
