from pathlib import Path

import numpy as np
import pytest

from engine.data import MixedTable
from engine.errors import DataError


def written(folder: Path, text: str) -> MixedTable:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return MixedTable(folder / "t.csv")


def test_a_gap_is_nan_where_it_is_allowed_and_a_wrong_value_is_not(folder: Path) -> None:
    marks = ["", " ", "NA", "n/a", "NaN", "null", "None", "?", "-"]
    table = written(folder, "a,b\n" + "".join(f"{mark},1\n" for mark in marks) + "-5,2\n")
    values = table.numbers_or_gaps(["a", "b"])
    assert np.isnan(values[:, 0]).tolist() == [True] * len(marks) + [False]
    assert values[:, 1].tolist() == [1.0] * len(marks) + [2.0]
    for wrong in ("many", "inf", "1e39", "1,5"):
        table = written(folder, f'a,b\n,1\n"{wrong}",1\n')
        with pytest.raises(DataError, match=f"row 2, column a: '{wrong}' is"):
            table.numbers_or_gaps(["a", "b"])


DATES = [
    "2024-01-05",
    "2024/1/5",
    "5.1.2024",
    "01/05/24",
    "2024-01-05 13:45",
    "2024年1月5日",
    "Jan 5, 2024",
    "5 January 2024",
]
NO_DATES = ["2024-13-05", "12.5", "Monday", "may", "v1.2.3", "1/2", "555-1234", "20240105", "A-2020"]


@pytest.mark.parametrize("text", DATES + NO_DATES)
def test_dates_are_told_from_other_texts(text: str, folder: Path) -> None:
    table = written(folder, f'a,b\n"{text}",1\n,2\n"{text}",1\n')
    assert table.is_date("a") == (text in DATES)


def test_yes_and_no_in_any_spelling_are_one_and_zero(folder: Path) -> None:
    table = written(folder, "a,b,c\nYes,1,是\nno,0,否\nTRUE,1,是\nfalse,0,否\n")
    assert table.yes_no(["a", "b", "c"]).tolist() == [[1, 1, 1], [0, 0, 0]] * 2
    table = written(folder, "a,b\nyes,1\nmaybe,2\n")
    assert not table.is_yes_no("a")
    with pytest.raises(DataError, match=r"row 2, column a: 'maybe' is neither yes .*\(and 1 more\)"):
        table.yes_no(["a", "b"])


def test_a_column_with_a_few_mistakes_is_not_taken_for_text(folder: Path) -> None:
    table = written(folder, "a,b\n1,x\n2,y\n12O,NA\nNA,5\n")
    assert [table.is_mostly_text(name) for name in ("a", "b")] == [False, True]
