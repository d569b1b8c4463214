import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import PROJECT, Result, read_csv
from torch import Tensor

from app.data.chars import Chars
from engine.errors import DataError


def use(data: Chars) -> list[tuple[Tensor, Tensor]]:
    return [data.build("train"), data.build("val"), data.build("test")]


def test_windows_and_what_follows_are_those_of_the_text(folder: Path) -> None:
    (folder / "a.txt").write_text("abcdefghij" * 10)
    data = Chars("a.txt", window=3)
    inputs, labels = data.build("train")
    assert len(inputs) == 80 - 3
    assert inputs[0].tolist() == [0, 1, 2]
    assert labels[0].item() == 3
    assert all((row[-1] + 1) % 10 == label for row, label in zip(inputs, labels, strict=True))


def test_parts_of_the_text_share_no_character(folder: Path) -> None:
    text = "".join(chr(200 + number) for number in range(100))
    (folder / "a.txt").write_text(text, encoding="utf-8")
    data = Chars("a.txt", window=3)
    seen = [set(inputs.flatten().tolist()) | set(labels.tolist()) for inputs, labels in use(data)]
    assert not seen[0] & seen[1]
    assert not seen[1] & seen[2]
    assert len(seen[0] | seen[1] | seen[2]) == 100


@pytest.mark.parametrize(("text", "window", "word"), [("ab", 5, "train part has 2"), ("abc" * 9, 4, "val part has 2")])
def test_a_text_that_cannot_be_used_is_named(text: str, window: int, word: str, folder: Path) -> None:
    (folder / "a.txt").write_text(text)
    data = Chars("a.txt", window=window)
    with pytest.raises(DataError, match=word):
        use(data)


def test_the_prompt_is_the_beginning_of_the_test_part(app: Callable[..., Result], folder: Path) -> None:
    (folder / "a.txt").write_text("0123456789" * 30 + "!?" * 10)
    brief = ["--trainer.max_epochs", "1", "--data.init_args.path", "a.txt", "--data.init_args.window", "5"]
    assert app("fit", "--config", PROJECT / "configs" / "chars.yaml", *brief).exit_code == 0
    result = app("predict", "--run", "chars")
    assert result.exit_code == 0, result.err
    row = read_csv(folder / "lightning_logs/chars/version_0/predictions.csv")[0]
    assert row["prompt"] == "89012"  # of 320 characters, those from 288 on


def test_a_prompt_goes_on(app: Callable[..., Result], folder: Path) -> None:
    config = PROJECT / "configs" / "chars.yaml"
    brief = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "5", "--trainer.limit_val_batches", "2"]
    assert app("fit", "--config", config, *brief).exit_code == 0
    result = app("predict", "--run", "chars", "--data.init_args.prompt", "The fox ")
    assert result.exit_code == 0, result.err
    row = read_csv(folder / "lightning_logs/chars/version_0/predictions.csv")[0]
    assert row["prompt"] == "The fox "
    assert len(row["continuation"]) == 200
    unknown = app("predict", "--run", "chars", "--data.init_args.prompt", "Thüringen")
    assert unknown.exit_code == 3
    assert "character 3" in unknown.err
    assert "abcdefghiklmnopqrstuvwxy" in unknown.err


def test_the_prompt_of_the_readme_is_of_the_characters_that_ship() -> None:
    [example] = re.findall(r'--data\.prompt "(.*?)"', (PROJECT / "README.md").read_text())
    assert set(example) <= set(Chars().vocabulary)


def test_a_text_of_another_encoding_is_read_with_its_name(folder: Path) -> None:
    (folder / "a.txt").write_text("床前明月光" * 20, encoding="gb18030")
    assert Chars("a.txt", encoding="gb18030").vocabulary == "".join(sorted("床前明月光"))
    with pytest.raises(DataError, match=r"cannot be read as UTF-8(.|\n)*--data.encoding gb18030"):
        Chars("a.txt").vocabulary  # noqa: B018
