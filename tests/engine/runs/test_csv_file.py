import csv
import io

import numpy as np
import pytest

from engine.runs.csv_file import Column, header, lines, values

NUMBERS = [0.0, -0.0, 1.0, 0.1, 1 / 3, 1e-7, 123456789.0, 1e22, 3e38, 1e-45, float("nan"), float("inf"), -float("inf")]


@pytest.mark.parametrize(
    "columns",
    [
        *[[np.array(NUMBERS, dtype=kind)] for kind in (np.float64, np.float32)],
        [np.array(NUMBERS)[::2], np.linspace(0, 1, 7, dtype=np.float32), np.zeros(7)],
        [np.arange(-3, 3), np.array([True, False] * 3), ["a", "b,c", 'd"e', "f\ng", "", "é"]],
        [np.arange(6).reshape(3, 2), [1, None, 0.1]],
        [np.zeros(0), np.zeros(0)],
    ],
)
def test_columns_are_written_as_a_csv_writer_writes_rows(columns: list[Column]) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(zip(*map(values, columns), strict=True))
    assert lines(columns) == file.getvalue()


def test_a_header_is_read_back_as_it_was() -> None:
    names = ["a", "b,c", 'd"e', "f\ng", " "]
    assert next(csv.reader(io.StringIO(header(names), newline=""))) == names
