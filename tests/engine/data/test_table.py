from pathlib import Path

import numpy as np
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


def test_pieces_are_the_table(folder: Path) -> None:
    rows = [(f"{n}.5", n % 7, "abc"[n % 3]) for n in range(1000)]
    (folder / "long.csv").write_text("a,b,c\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    table = Table(folder / "long.csv")
    pieces = list(table.pieces(300, ["c"]))
    assert [len(piece.frame) for piece in pieces] == [300, 300, 300, 100]
    assert np.array_equal(np.concatenate([piece.numbers(["b", "a"]) for piece in pieces]), table.numbers(["b", "a"]))
    labels = np.concatenate([piece.labels("c", "cab") for piece in pieces])
    assert np.array_equal(labels, table.labels("c", "cab"))
    assert [piece.blank("c") for piece in pieces] == 4 * [None]


def test_pieces_of_texts_keep_them_as_they_are(folder: Path) -> None:
    (folder / "codes.csv").write_text("a,c\n1,007\n2,1.50\n3\n")
    (piece,) = Table(folder / "codes.csv").pieces(10, ["c"])
    assert piece.labels("c", ["1.50", "007", ""]).tolist() == [1, 0, 2]
    assert piece.blank("c") == f"{folder / 'codes.csv'}, row 3, column c is blank"


def test_the_content_of_a_file_is_read_like_the_file(folder: Path) -> None:
    (folder / "excel.csv").write_text(ROWS, encoding="utf-8-sig")
    content = (folder / "excel.csv").read_bytes()
    assert Table(Path("upload"), content=content).numbers(["价格"]).tolist() == [[1.5], [3]]
    with pytest.raises(DataError, match="upload, row 2, column 价格: 'x' is not a finite number"):
        Table(Path("upload"), content=content.replace(b"20,3", b"20,x")).numbers(["价格"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read as CSV"),
        (b"a,b\n", "has no rows"),
        (b"a;b\n1;2\n", "seem to be by semicolons"),
        (b"a,a\n1,2\n", "has a column twice: a, a"),
        (b"a,b\n1,2,3\n", "has more values in a row than the 2 columns"),
        (b"a,b\n1,2\n1,2,3\n", "cannot be read as CSV"),
        (b"a,b\n1,2\n1,\xff\n", "cannot be read as UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_named(content: bytes, words: str, folder: Path) -> None:
    (folder / "bad.csv").write_bytes(content)
    for read in (
        lambda: Table(folder / "bad.csv").numbers(["a"]),
        lambda: Table(Path("bad.csv"), content=content).numbers(["a"]),
        lambda: [piece.numbers(["a"]) for piece in Table(folder / "bad.csv").pieces(1)],
    ):
        with pytest.raises(DataError, match=f"bad.csv.*{words}"):
            read()
