"""What a person reads: lines and tables on standard output."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.process import is_first


# A file or pipe has no width: wide enough that no table is cut.
class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Go on in silence when whoever read the output has gone: a run does not end because `head` did."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_console = _Console(highlight=False, soft_wrap=True, quiet=not is_first(), width=None if sys.stdout.isatty() else 1000)


def terminal() -> Console:
    """Return what is printed to, for a bar that stays below the lines."""
    return _console


def say(text: str) -> None:
    """Print a line as it is."""
    if sys.stdout.isatty() or _console.quiet:
        _console.print(text, markup=False)
        return
    try:
        print(text, file=_console.file, flush=True)
    except BrokenPipeError:
        _console.on_broken_pipe()


def table(title: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table with rounded numbers."""
    gap = 2 if len(names) < 9 else 1  # ten classes and their probabilities fit in 81 characters
    grid = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, gap, 0, 0),
        header_style="bold",
    )
    values = [[_cell(name, value) for name, value in zip(names, row, strict=True)] for row in rows]
    for index, name in enumerate(names):
        numeric = all(row[index][:1] in "-0123456789" for row in values)
        grid.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in values:
        grid.add_row(*row)
    _console.print(grid)


def metrics(title: str, columns: Mapping[str, Mapping[str, float]]) -> None:
    """Print metrics by name, one column for each heading."""
    names = sorted({name for values in columns.values() for name in values}, key=order)
    rows = [[name, *(values.get(name, "") for values in columns.values())] for name in names]
    table(title, ["metric", *columns], rows)


def order(metric: str) -> tuple[bool, bool, str]:
    """Return a key that sorts losses first, then other metrics of a stage, then the rest."""
    return "/" not in metric, not metric.endswith("/loss"), metric


def number(value: object) -> str:
    """Return a value as text, a float with six significant digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _cell(name: str, value: object) -> str:
    """Return a table's entry in one line; probabilities need three digits, so that ten classes fit in it."""
    if isinstance(value, str):
        return value.replace("\r", "\\r").replace("\n", "\\n")
    return f"{value:.3f}" if name.startswith("p_") else number(value)


def count(number: int, noun: str) -> str:
    """Return a number and its noun: 1 epoch, 2 epochs."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
