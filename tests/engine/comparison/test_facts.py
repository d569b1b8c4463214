from pathlib import Path
from typing import Any

import pytest
import yaml
from support.synthetic import synthetic

from engine.comparison.facts import Facts, main_metrics
from engine.errors import UsageError
from engine.runs.folder import Run

RUN = Path("lightning_logs/a/version_0")


def test_settings_are_those_of_the_plain_parser() -> None:
    settings = Facts.read(Run(synthetic(RUN))).settings
    tree: dict[str, Any] = yaml.safe_load((RUN / "config.yaml").read_text())
    assert settings["model"] == tree["model"]["class_path"]
    assert settings["model.optimizer"] == "torch.optim.Adam"
    assert settings["model.optimizer.lr"] == 0.001
    assert settings["model.network.hidden_features"] == [16, 8]
    assert settings["trainer.max_epochs"] == 10


@pytest.mark.parametrize("text", ["[" * 50_000, "- " * 50_000, "{a: " * 50_000, "a: &a [x]\nb: *a\nc: ["])
def test_a_config_that_would_crash_the_fast_parser_is_an_error(text: str) -> None:
    facts = Facts.read(Run(synthetic(RUN)))
    (RUN / "config.yaml").write_text(text)
    with pytest.raises(UsageError, match="cannot be read"):
        _ = facts.settings


def test_a_score_that_is_not_finite_is_null() -> None:
    run = Run(synthetic(RUN))
    (RUN / "test.json").write_text('{"test/loss": NaN, "test/mae": Infinity, "test/r2": 0.5}')
    assert Facts.read(run).scores == {"test/loss": None, "test/mae": None, "test/r2": 0.5}


def test_a_run_in_a_study_knows_it() -> None:
    assert Facts(Run(Path("lightning_logs/s/v/version_0")), {}).study == "s"
    assert Facts(Run(Path("/x/lightning_logs/s/v/version_0")), {}).study == "s"
    assert Facts(Run(Path("lightning_logs/v/version_0")), {}).study is None


def test_metrics_of_single_classes_are_not_the_main_ones() -> None:
    classes = [f"test/accuracy_{name}" for name in "abc"]
    assert main_metrics([*classes, "test/accuracy", "test/loss"]) == ["test/loss", "test/accuracy"]
    few = ["test/boundary", "test/boundary_error"]
    assert main_metrics(few) == few
