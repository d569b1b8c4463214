import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from rich.cells import cell_len
from support import PRODUCT, Result

from engine import console


def test_a_row_is_one_line_whatever_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("texts", ["text", "count"], [["a\nb\r\nc", 1], ["d", 2]])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2].split() == [r"a\nb\r\nc", "1"]


@pytest.mark.parametrize(("threshold", "words"), [("1e9", "1 epoch in "), ("-1", "3 epochs in ")])
def test_a_report_says_whether_training_stopped_early(threshold: str, words: str, app: Callable[..., Result]) -> None:
    key = "--callbacks.early_stopping"
    stopping = [key, "lightning.pytorch.callbacks.EarlyStopping", f"{key}.init_args.monitor", "val/loss"]
    limits = ["--trainer.max_epochs", "3", "--trainer.check_val_every_n_epoch", "1"]
    result = app("fit", "--config", PRODUCT, *limits, *stopping, f"{key}.init_args.stopping_threshold", threshold)
    report = next(line for line in result.out.splitlines() if words in line)
    assert report.endswith(", stopped early") == (threshold == "1e9")


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.terminal(), "width", 80)


@pytest.mark.usefixtures("narrow")
def test_a_table_of_long_texts_fits_in_the_terminal_and_keeps_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["text", "true", "predicted", "p", "error"]
    console.table("texts", names, [["x" * 200, "y" * 150, "short", 0.25, 1.5], ["[red]", "b", "c", 1.0, 22.5]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == names
    assert max(map(len, lines)) <= 80
    assert [word[-1] for word in lines[2].split()[:2]] == ["…", "…"]
    assert lines[2].split()[2:] == ["short", "0.25", "1.5"]
    assert lines[3].split() == ["[red]", "b", "c", "1", "22.5"]
    assert "shortened" in lines[-1]


@pytest.mark.usefixtures("narrow")
def test_columns_that_do_not_fit_are_printed_below_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("numbers", [f"p_{n}" for n in range(40)], [[n / 40 for n in range(40)]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(lines[1::3]).split() == [f"p_{n}" for n in range(40)]
    console.table("numbers", [f"p_{n}" for n in range(1000)], [[0.0] * 1000])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 15
    assert lines[-1].startswith("(and 9")
    assert lines[-1].endswith("more columns)")


def test_a_cell_of_five_hundred_characters_is_shortened_in_a_file_too(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("masks", ["index", "mask"], [[0, str([0, 1] * 90)], [1, str([1, 0] * 90)]])
    assert max(map(len, capsys.readouterr().out.splitlines())) < 80


@pytest.mark.usefixtures("narrow")
def test_chinese_characters_are_counted_as_wide_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("classes", ["class", "count"], [["猫狗" * 60, 1], ["鸟", 2]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert lines[2].split()[-1] == "1"


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "gb18030", "utf-8"])
def test_no_character_ends_in_a_traceback(encoding: str) -> None:
    code = """
from engine import console
console.say("lr 1 → 2 猫")
console.table("类", ["class → name", "n"], [["猫" * 90, 1]])
"""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    assert ("1 → 2 猫" if encoding in ("gb18030", "utf-8") else "1 -> 2 ?") in shown


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs"), (1234, "1,234 epochs")]
)
def test_a_count_has_its_noun_in_the_right_number(number: int, words: str) -> None:
    assert console.count(number, "epoch") == words
