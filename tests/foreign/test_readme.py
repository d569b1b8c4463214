"""README, "Bring your own module": what it says is what happens."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import PROJECT, Result

App = Callable[..., Result]
README = (PROJECT / "README.md").read_text()


def test_the_config_of_the_readme_runs_all_commands_with_a_plain_module(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    section = README.split("## Bring your own module")[1].split("\n## ")[0]
    [config] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    (folder / "mine.yaml").write_text(config)
    (folder / "mine.py").write_text((PROJECT / "tests/foreign/plain.py").read_text())
    result = app("fit", "--config", "mine.yaml", "--trainer.accelerator", "cpu", "--trainer.max_epochs", "2")
    assert result.exit_code == 0, result.err
    for command in ("validate", "test", "predict"):
        assert app(command, "--config", "mine.yaml").exit_code == 0
    assert app("fit", "--run", "mine", "--trainer.max_epochs", "3").exit_code == 0
    run = folder / "lightning_logs/mine/version_0"
    there = {path.name for path in run.rglob("*")}
    assert {"config.yaml", "run.json", "metrics.csv", "best.ckpt", "last.ckpt"} <= there
    assert {"test.epoch_1.json", "validate.epoch_1.json", "predictions.epoch_1.csv"} <= there


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) < 150
