"""What can be deleted: a part that a project does without goes with its line, and the rest works as before."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import PRODUCT, PROJECT, Result, read_csv

FIT = ("fit", "--config", PRODUCT, "--trainer.max_epochs", "2")
Change = Callable[[dict[str, Any]], None]


def copy(folder: Path, gone: list[str], change: Change) -> Path:
    """Return a copy of src without some files and folders, and with other defaults."""
    source = folder / "src"
    shutil.copytree(PROJECT / "src", source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in gone:
        path = source / name
        assert path.exists()
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    defaults = source / "app/defaults.yaml"
    settings = yaml.safe_load(defaults.read_text())
    change(settings)
    defaults.write_text(yaml.safe_dump(settings, sort_keys=False))
    return source


def run(source: Path, *words: str | Path) -> Result:
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "app", *map(str, words)]
    done = subprocess.run(
        command, cwd=source.parent, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def works(source: Path) -> None:
    for words in (FIT, ("test", "--run", "product"), ("predict", "--run", "product")):
        result = run(source, *words)
        assert (result.exit_code, result.err) == (0, "")
        assert "switched off" not in result.out
        assert ("-m app board" in result.out) == (words is FIT and (source / "engine/board.py").exists())
    assert len(read_csv(source.parent / "lightning_logs/product/version_0/predictions.csv")) == 200


def no_change(settings: dict[str, Any]) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gone", "module", "names"),
    [
        ("engine/board.py", "engine.board", ("board",)),
        ("engine/comparison", "engine.comparison.", ("runs", "compare", "diff")),
        ("engine/studies", "engine.studies.", ("study",)),
        ("engine/export", "engine.export.", ("export",)),
        ("engine/serve", "engine.serve.", ("serve",)),
    ],
)
def test_without_a_command_the_others_work(folder: Path, gone: str, module: str, names: tuple[str, ...]) -> None:
    source = copy(folder, [gone], no_change)
    commands = source / "engine/commands.py"
    lines = commands.read_text().splitlines(keepends=True)
    kept = [line for line in lines if f'"{module}' not in line]
    assert len(kept) == len(lines) - len(names)
    commands.write_text("".join(kept))
    works(source)
    for name in names:
        assert f"\n  {name} " not in run(source, "--help").out
        assert run(source, name).exit_code == 2


@pytest.mark.slow
def test_without_the_diagnosis_the_rest_works(folder: Path) -> None:
    source = copy(folder, ["engine/diagnosis"], lambda settings: settings["callbacks"].pop("diagnosis"))
    works(source)


@pytest.mark.slow
def test_without_the_dashboard_and_its_figures_the_rest_works(folder: Path) -> None:
    source = copy(folder, ["engine/dashboard", "app/figures"], lambda settings: settings.pop("dashboard"))
    works(source)
