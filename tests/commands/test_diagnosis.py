"""Trainings that fail in one way each, and what the diagnosis has to say of them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import PROJECT, Result

App = Callable[..., Result]

ODD_NETWORKS = """
import torch
from app.networks import MLP


class Zero(MLP):
    def __init__(self) -> None:
        super().__init__(2, [16, 8])
        for parameter in self.parameters():
            torch.nn.init.zeros_(parameter)


class Wild(MLP):
    def __init__(self) -> None:
        super().__init__(2, [64, 64, 64, 64])
        for parameter in self.parameters():
            parameter.data *= 10


class Dead(MLP):
    def __init__(self) -> None:
        super().__init__(2, [16, 8])
        torch.nn.init.constant_(self.layers[2].bias, -100.0)
"""
MODEL = "--model.init_args"
LR = f"{MODEL}.optimizer.init_args.lr"
NETWORK = f"{MODEL}.network"
STEP = f"{MODEL}.lr_scheduler"


def epochs(count: int) -> list[str]:
    return ["--trainer.max_epochs", str(count)]


FAILURES = {
    "weights hardly change": ("product", [*epochs(40), LR, "1e-8"]),
    "loss not falling": ("product", [*epochs(40), LR, "1e-8"]),
    "loss oscillating": ("product", [*epochs(100), f"{MODEL}.optimizer", "torch.optim.SGD", LR, "1.0"]),
    "overfitting": (
        "line",
        [
            *(*epochs(400), "--data.init_args.train_size", "20", f"{NETWORK}.init_args.hidden_features", "[256,256]"),
            *(f"{NETWORK}.init_args.dropout", "0", STEP, "null"),
        ],
    ),
    "underfitting": ("sine", [*epochs(100), f"{NETWORK}.init_args.hidden_features", "[]"]),
    "gradients vanishing": (
        "product",
        [*epochs(40), f"{NETWORK}.init_args.hidden_features={[16] * 10}", f"{NETWORK}.init_args.activation", "sigmoid"],
    ),
    "gradients exploding": ("product", [*epochs(40), NETWORK, "odd.Wild", LR, "1e-6"]),
    "weights all zero": ("product", [*epochs(40), NETWORK, "odd.Zero"]),
    "dead ReLU units": ("product", [*epochs(40), NETWORK, "odd.Dead"]),
    "learning rate decayed to nothing": (
        "product",
        [
            *(*epochs(60), STEP, "torch.optim.lr_scheduler.StepLR"),
            *(f"{STEP}.init_args.step_size", "3", f"{STEP}.init_args.gamma", "0.5"),
        ],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_named_once_with_evidence_and_advice(
    name: str, app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "odd.py").write_text(ODD_NETWORKS)
    monkeypatch.syspath_prepend(folder)
    config, arguments = FAILURES[name]
    result = app("fit", "--config", PROJECT / "configs" / f"{config}.yaml", *arguments)
    assert result.exit_code == 0, result.err
    reported = [
        line for line in result.out.splitlines() if line.startswith("diagnosis, epoch") and f": {name}: " in line
    ]
    assert len(reported) == 1, result.out[-2000:]
    assert any(character.isdigit() for character in reported[0].split(name)[1])
    assert "\n  try " in result.out
    record = json.loads((folder / "lightning_logs" / config / "version_0" / "run.json").read_text())
    assert any(finding.startswith(name) for finding in record["diagnosis"])


def test_a_run_that_diverges_says_what_its_gradients_were(app: App, folder: Path) -> None:
    product = PROJECT / "configs" / "product.yaml"
    result = app("fit", "--config", product, f"{MODEL}.optimizer", "torch.optim.SGD", LR, "1e6", *epochs(3))
    assert result.exit_code == 4
    record = json.loads((folder / "lightning_logs" / "product" / "version_0" / "run.json").read_text())
    assert record["status"] == "diverged"
    assert record["diagnosis"][-1].startswith("loss not finite: norms of the gradients before")


def test_a_resumed_run_knows_what_the_whole_run_knows(app: App, folder: Path) -> None:
    def history() -> dict[str, object]:
        checkpoint = folder / "lightning_logs" / "line" / "version_0" / "checkpoints" / "last.ckpt"
        state: dict[str, object] = torch.load(checkpoint, weights_only=True)["callbacks"]["Diagnosis"]
        return state

    line = PROJECT / "configs" / "line.yaml"
    assert app("fit", "--config", line, *epochs(30)).exit_code == 0
    whole = history()
    (folder / "lightning_logs").rename(folder / "whole")
    assert app("fit", "--config", line, *epochs(20)).exit_code == 0
    assert app("fit", "--run", "line", *epochs(30)).exit_code == 0
    assert history()["history"] == whole["history"]
