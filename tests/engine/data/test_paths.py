from pathlib import Path

import pytest

from engine.data import locate, same
from engine.errors import DataError


def test_the_current_folder_comes_before_the_examples(folder: Path) -> None:
    shipped = folder / "shipped"
    shipped.mkdir()
    (shipped / "a.csv").write_text("theirs")
    assert locate("a.csv", beside=shipped).read_text() == "theirs"
    (folder / "a.csv").write_text("mine")
    assert locate("a.csv", beside=shipped).read_text() == "mine"


def test_a_missing_file_names_the_nearest(folder: Path) -> None:
    (folder / "houses.csv").touch()
    with pytest.raises(DataError, match=r"house.csv does not exist; did you mean houses.csv\?"):
        locate("house.csv", beside=folder)


def test_spellings_of_one_file_are_the_same(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "a.csv").touch()
    assert same("sub/../a.csv", str(folder / "a.csv"), beside=folder / "sub")
    assert not same("a.csv", "b.csv", beside=folder)
    (folder / "sub" / "c.csv").touch()
    assert same("c.csv", "sub/c.csv", beside=folder / "sub")
