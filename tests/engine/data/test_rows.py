import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.data.rows import named_rows, rows_of
from engine.errors import CommandError, DataError

NAMES = ("x1", "x2")


def test_rows_are_the_same_however_they_are_given(folder: Path) -> None:
    (folder / "new.csv").write_text("x2,other,x1\n4,?,3\n")
    expected = np.array([[3, 4]], dtype=np.float32)
    for given in ("x1=3,x2=4", " x2=4  x1=3 ", [[3, 4]], "new.csv"):
        rows = rows_of(given, NAMES)
        assert rows.dtype == np.float32
        assert np.array_equal(rows, expected), given
    for row in ({"x1": 3, "x2": 4}, {"x2": "4", "more": None, "x1": 3.0}, [3, " 4e0 "]):
        assert np.array_equal(named_rows([row], NAMES), expected), row


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ('[{"x1": 3, "x2": 4}, {"x1": 3, "x2": "abc"}]', "row 2, column x2: 'abc' is not a finite number"),
        ('[{"x1": 3, "x_2": 4}]', "row 1 has no column x2; did you mean x_2?"),
        ('[{"x1": null, "x2": 4}]', "row 1, column x1: None is not a finite number"),
        ('[{"x1": true, "x2": 4}]', "row 1, column x1: True is not a finite number"),
        ('[{"x1": [3], "x2": 4}]', "row 1, column x1: [3] is not a finite number"),
        ('[{"x1": NaN, "x2": 4}]', "row 1, column x1: nan is not a finite number"),
        ('[{"x1": "1_0", "x2": 4}]', "row 1, column x1: '1_0' is not a finite number"),
        ('[{"x1": 1e39, "x2": 4}]', "row 1, column x1: 1e+39 is too large"),
        (f'[{{"x1": 1{400 * "0"}, "x2": 4}}]', f"row 1, column x1: 1{99 * '0'} is too large"),
        ("[[1, 2], [1, 2, 3]]", "row 2: expected a number for each of x1, x2"),
        ("[5]", "row 1: expected a number for each of x1, x2"),
        ("[]", "there are no rows"),
    ],
)
def test_what_is_no_number_is_named_with_row_and_column(rows: str, words: str) -> None:
    found: Any = json.loads(rows)
    with pytest.raises(DataError) as error:
        named_rows(found, NAMES)
    assert str(error.value) == words


@pytest.mark.parametrize("given", ["x1=3", "x1=3,x2=4,x3=5", "x1=3,x2=four", [[1]], []])
def test_inputs_that_do_not_fit_the_columns_are_refused(given: Any) -> None:
    with pytest.raises(CommandError, match="expected a number for each of x1, x2"):
        rows_of(given, NAMES)
