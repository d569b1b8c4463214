"""What a person reads: lines and tables on standard output."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

# A pipe has no width: as wide as a line gets, so that nothing is cut or wrapped.
_console = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line as it is."""
    _console.print(text, markup=False)


def table(title: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table with numbers rounded to six significant digits."""
    grid = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    values = [[number(value) for value in row] for row in rows]
    for index, name in enumerate(names):
        numeric = all(row[index][:1] in "-0123456789" for row in values)
        grid.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in values:
        grid.add_row(*row)
    _console.print(grid)


def metrics(title: str, columns: Mapping[str, Mapping[str, float]]) -> None:
    """Print metrics by name, one column for each heading."""
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    rows = [[name, *(values.get(name, "") for values in columns.values())] for name in names]
    table(title, ["metric", *columns], rows)


def number(value: object) -> str:
    """Return a value as text, a float with six significant digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
