"""Lines and tables on standard output."""

import codecs
import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.process import is_first

WIDE = 1000  # columns of a file or pipe, which has no width
TEXT = 60  # columns of a text in a table at most; a narrow terminal leaves less
LEAST = 12  # columns of a text at least
PARTS = 4  # tables below each other at most, where there are too many columns for one
# Characters that a console of an old encoding lacks, and what is written in their place.
STAND_INS = {"→": "->", "…": "...", "²": "^2", "≤": "<=", "≥": ">=", "\N{MULTIPLICATION SIGN}": "x", "\N{EN DASH}": "-"}


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


def table(title: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table with rounded numbers, no wider than the terminal.

    Long texts are shortened, and a line says so. More columns than fit are printed below the others.
    """
    gap = 2 if len(names) < 9 else 1  # ten classes and their probabilities fit in 81 characters
    values = [[_cell(name, value) for name, value in zip(names, row, strict=True)] for row in rows]
    columns = [[name, *(row[index] for row in values)] for index, name in enumerate(names)]
    numeric = [all(text[:1] in "-0123456789" for text in column[1:]) for column in columns]
    widths = _fitting([max(map(cell_len, column)) for column in columns], numeric, _console.width, gap)
    cut = [[_shortened(text, width) for text in column] for column, width in zip(columns, widths, strict=True)]
    parts = _parts(widths, _console.width, gap)
    _console.print(Text(title, style="bold"))
    for number, part in enumerate(parts[:PARTS]):
        if number > 0:
            _console.print()
        grid = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
        for index in part:
            grid.add_column(Text(cut[index][0]), justify="right" if numeric[index] else "left", no_wrap=True)
        for row in range(1, len(values) + 1):
            grid.add_row(*(Text(cut[index][row]) for index in part))
        _console.print(grid)
    if cut != columns:
        say("(texts that end in … are shortened)")
    if hidden := sum(map(len, parts[PARTS:])):
        say(f"(and {count(hidden, 'more column')})")


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


def _fitting(widths: list[int], numeric: list[bool], width: int, gap: int) -> list[int]:
    """Return the widths of columns, those of texts reduced until all fit in a width, the widest first."""
    widths = [size if number else min(size, TEXT) for size, number in zip(widths, numeric, strict=True)]
    texts = [index for index, number in enumerate(numeric) if not number]
    while texts and sum(widths) + gap * len(widths) > width:
        widest = max(texts, key=lambda index: widths[index])
        if widths[widest] <= LEAST:
            break
        widths[widest] -= 1
    return [min(size, width - gap) for size in widths]


def _parts(widths: list[int], width: int, gap: int) -> list[list[int]]:
    """Return the columns of each table, so many that they fit in a width."""
    parts: list[list[int]] = [[]]
    left = width
    for index, size in enumerate(widths):
        if size + gap > left and parts[-1]:
            parts.append([])
            left = width
        parts[-1].append(index)
        left -= size + gap
    return parts


def _shortened(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
