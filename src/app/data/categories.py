"""Categories of a table: which columns of text become numbers, and which texts of the training split have one."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from engine import DataError, UsageError, nearest
from engine.data import MixedTable

Categories = Mapping[str, Sequence[str]]
OVERLAY = "--config configs/with/mixed_columns.yaml"  # a network that takes them
FEWEST = 2  # times that a text must occur in the training split; the rarer ones train what is unknown


def chosen(table: MixedTable, features: Sequence[str], asked: str | Sequence[str] | None) -> list[str]:
    """Return the features that hold categories: those asked for, or with "auto" those that are mostly text.

    Raises:
        UsageError: If one that is asked for is no feature.
        DataError: If one holds dates.
    """
    words = [asked] if isinstance(asked, str) else list(asked or ())
    auto = "auto" in words and "auto" not in features
    names = [name for name in words if not (auto and name == "auto")]
    for name in names:
        if name not in features:
            raise UsageError(f"--data.categories: {name} is none of the features{nearest(name, features)}")
    names += [name for name in features if auto and name not in names and table.is_mostly_text(name)]
    if dates := [name for name in names if table.is_date(name)]:
        raise DataError(f"{table.path}: {dated(dates)}")
    return names


def fitted(table: MixedTable, names: Sequence[str], rows: Tensor) -> dict[str, list[str]]:
    """Return the texts of each column, sorted, that occur often enough in the rows of the training split.

    Raises:
        DataError: If there is none.
    """
    found = {}
    for name in names:
        counts = table.words(name).iloc[rows.numpy()].value_counts()
        found[name] = sorted(counts.index[counts >= FEWEST])
        if not found[name]:
            once = f"column {name} has no text twice in the training split and cannot be a category"
            raise DataError(f"{table.path}: {once}. {LEAVE_OUT}")
    return found


def hints(table: MixedTable, features: Sequence[str]) -> list[str]:
    """Return what to try for columns that cannot be read as numbers, a line each."""
    features = [name for name in features if name in table.columns]
    text = [name for name in features if table.is_text(name)]
    dates = [name for name in text if table.is_date(name)]
    words = [name for name in text if name not in dates and table.is_mostly_text(name)]
    lines = [dated(dates)] if dates else []
    if words:
        lines.append(f"to take text as categories: --data.categories '[{', '.join(words)}]', with {OVERLAY}")
    if any(map(table.has_gaps, features)):
        lines.append(f"to fill gaps: --data.impute median, with {OVERLAY}")
    return lines


def check_known(table: MixedTable, features: Sequence[str], inputs: Tensor) -> None:
    """Raise a DataError if a column has no number in the inputs (N, features) of the training split."""
    for name, column in zip(features, inputs.unbind(1), strict=True):
        if column.isnan().all():
            raise DataError(f"{table.path}: column {name} has no number in the training split. {LEAVE_OUT}")


def dated(names: Sequence[str]) -> str:
    """Return what to do about columns of dates."""
    what = f"column {names[0]} holds" if len(names) == 1 else f"columns {', '.join(names)} hold"
    return f"{what} dates: turn them into numbers, such as year and month or days since the first. {LEAVE_OUT}"


LEAVE_OUT = "To leave a column out, list the others: --data.features '[...]'"
