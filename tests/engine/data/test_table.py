from pathlib import Path

import pytest

from engine.data import Table
from engine.errors import DataError

ROWS = "面积,价格\n10,1.5\n20,3\n"


def test_a_file_of_another_encoding_is_read_with_its_name(folder: Path) -> None:
    (folder / "excel.csv").write_text(ROWS, encoding="gbk")
    table = Table(folder / "excel.csv", "gb18030")
    assert table.columns == ["面积", "价格"]
    assert table.numbers(["价格"])[:, 0].tolist() == [1.5, 3]


def test_bytes_that_are_not_utf_8_point_at_the_encoding(folder: Path) -> None:
    (folder / "excel.csv").write_text(ROWS, encoding="gbk")
    with pytest.raises(DataError, match=r"cannot be read as UTF-8(.|\n)*--data.encoding gb18030"):
        Table(folder / "excel.csv")
    with pytest.raises(ValueError, match="unknown encoding klingon"):
        Table(folder / "excel.csv", "klingon")


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf_8", "utf8"])
def test_a_byte_order_mark_is_no_part_of_a_name(encoding: str, folder: Path) -> None:
    (folder / "excel.csv").write_text(ROWS, encoding="utf-8-sig")
    assert Table(folder / "excel.csv", encoding).columns == ["面积", "价格"]
