"""Lines and tables on standard output."""

import codecs
import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.process import is_first

WIDE = 1000  # columns of a file or pipe, which has no width
TEXT = 60  # columns of a text in a table at most; a narrow terminal leaves less
LEAST = 12  # columns of a text at least
PARTS = 4  # tables below each other at most, where there are too many columns for one
# Characters that a console of an old encoding lacks, and what is written in their place.
STAND_INS = {
    "→": "->",
    "±": "+-",
    "…": "...",
    "²": "^2",
    "≤": "<=",
    "≥": ">=",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{EN DASH}": "-",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Discard further output when its reader has closed it: a run does not end because `head` did."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def never_fail(stream: Any) -> None:
    """Have a stream write what its encoding has, and stand-ins or question marks for the rest."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="stand_in")


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(STAND_INS.get(character, "?") for character in missing), error.end


codecs.register_error("stand_in", _stand_in)
never_fail(sys.stdout)
_console = _Console(highlight=False, soft_wrap=True, quiet=not is_first(), width=None if sys.stdout.isatty() else WIDE)


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


def table(title: str, names: Sequence[str], rows: Iterable[Sequence[Any]], repeated: bool = False) -> None:
    """Print a table with rounded numbers, no wider than the terminal.

    Long texts are shortened, and a line says so. More columns than fit are printed below the others, where the first
    column may be repeated.
    """
    gap = 2 if len(names) < 9 else 1  # ten classes and their probabilities fit in 81 characters
    lines = [[_cell(name, value) for name, value in zip(names, row, strict=True)] for row in rows]
    columns = list(zip(names, *lines, strict=True))
    numeric = [all(text[:1] in "-0123456789" for text in column[1:]) for column in columns]
    sizes = [max(map(cell_len, column)) for column in columns]
    widths = _widths(sizes, numeric, _console.width, gap)
    parts: list[list[int]] = [[]]  # the columns of each table
    for index in range(len(names)):
        if parts[-1] and sum(widths[i] + gap for i in [*parts[-1], index]) > _console.width:
            parts.append([0] if repeated else [])
        parts[-1].append(index)
    _console.print(Text(title, style="bold"))
    for number, part in enumerate(parts[:PARTS]):
        grid = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
        for index in part:
            justify: Literal["right", "left"] = "right" if numeric[index] else "left"
            grid.add_column(Text(names[index]), justify=justify, no_wrap=True, width=widths[index])
        for line in lines:
            grid.add_row(*(Text(line[index]) for index in part))
        if number > 0:
            _console.print()
        _console.print(grid)
    if widths != sizes:
        say("(texts that end in … are shortened)")
    if hidden := sum(map(len, parts[PARTS:])):
        say(f"(and {count(hidden, 'more column')})")


def too_wide(names: Sequence[str], rows: Iterable[Sequence[str]], expendable: Sequence[str]) -> list[str]:
    """Return the columns to leave out, the first of those that are expendable, so that a table fits the terminal."""
    columns = {name: [cell_len(text) for text in cells] for name, *cells in zip(names, *rows, strict=True)}
    sizes = {name: max([cell_len(name), *lengths]) + 2 for name, lengths in columns.items()}
    hidden: list[str] = []
    for name in expendable:
        if sum(min(size, TEXT) for name, size in sizes.items() if name not in hidden) - 2 <= _console.width:
            break
        hidden.append(name)
    return hidden


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


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: 1 epoch, 2 epochs."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _widths(sizes: list[int], numeric: list[bool], width: int, gap: int) -> list[int]:
    """Return the widths of columns: those of texts are limited so that all fit in a width, if that can be."""
    for limit in range(TEXT, LEAST - 1, -1):
        widths = [size if number else min(size, limit) for size, number in zip(sizes, numeric, strict=True)]
        if sum(widths) + gap * len(widths) <= width:
            break
    return [min(size, width - gap) for size in widths]
