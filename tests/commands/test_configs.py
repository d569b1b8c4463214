"""Every shipped config, found by glob: a new one is tested without a line here."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support import PROJECT, Result

CONFIGS = sorted((PROJECT / "configs").glob("*.yaml"))
FEW = [
    "--trainer.max_epochs",
    "1",
    *(f"--trainer.limit_{part}_batches=2" for part in ("train", "val", "test", "predict")),
]


@pytest.mark.dashboard
@pytest.mark.parametrize(
    "config",
    [pytest.param(path, marks=[pytest.mark.slow] if path.stem == "cifar10_resnet" else []) for path in CONFIGS],
    ids=lambda path: str(path.stem),
)
def test_a_config_trains_scores_and_predicts(
    config: Path, app: Callable[..., Result], small_data: Callable[[Path], list[str]], folder: Path
) -> None:
    for command in ("fit", "test", "predict"):
        result = app(command, "--config", config, *FEW, *small_data(config))
        assert result.exit_code == 0, result.err
    files = {path.name for path in (folder / "lightning_logs" / config.stem / "version_0").iterdir()}
    assert {"test.json", "predictions.csv", "checkpoints"} <= files


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: str(path.stem))
def test_a_config_is_short_and_begins_with_its_measured_result(config: Path) -> None:
    lines = config.read_text().splitlines()
    assert len(lines) <= 25
    about, found, result = lines[0].removeprefix("# ").partition(": test ")
    assert found, lines[0]
    assert 10 < len(about) < 70
    assert " s on " in result


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: str(path.stem))
def test_classes_have_full_paths(config: Path) -> None:
    def paths(node: object) -> list[str]:
        if isinstance(node, dict):
            return [str(v) for k, v in node.items() if k == "class_path"] + [p for v in node.values() for p in paths(v)]
        return [path for item in node for path in paths(item)] if isinstance(node, list) else []

    found = paths(yaml.safe_load(config.read_text()))
    assert len(found) >= 3
    assert all("." in path for path in found)
