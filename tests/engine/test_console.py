from collections.abc import Callable

import pytest
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
