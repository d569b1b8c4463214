import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch  # noqa: F401  # sets the variable
import pytest
import torch
from lightning.pytorch.trainer.connectors.logger_connector.result import _Metadata, _ResultMetric
from support import PRODUCT, Result
from torch import nn

from app.networks import MLP, CharLSTM, ConvNet, ResNet
from engine.patches import cheap_checks
from engine.process import THREAD_VARIABLES, fit_threads
from engine.task import fused
from engine.training.fast_loop import unrecorded

App = Callable[..., Result]
OPTIMIZER = "--model.init_args.optimizer"


@pytest.mark.skipif(torch.cuda.is_available(), reason="only without a GPU")
def test_without_a_gpu_no_step_looks_for_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    cheap_checks()
    assert os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] == "0"


@pytest.mark.skipif(torch.accelerator.is_available(), reason="only without a GPU")
def test_without_a_gpu_no_logged_metric_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ResultMetric, "to", _ResultMetric.to)  # so that it is put back
    cheap_checks()
    metric = _ResultMetric(_Metadata("fx", "name"), is_tensor=True)
    before = metric.value
    assert metric.to(torch.device("cpu")) is metric
    assert metric.value is before
    assert metric.to("meta").value.device.type == "meta"


@pytest.mark.parametrize(
    ("network", "batch_size", "expected"),
    [
        (MLP(2, [16, 8]), 100, 1),
        (MLP(784, [256, 128], 10), 64, 1),
        (MLP(784, [256, 128], 10), 128, 2),
        (MLP(100, [512, 512], 10), 256, 2),
        (ConvNet(1, [16, 32], 28, 10), 8, 2),
        (CharLSTM(40), 1, 2),
    ],
)
def test_small_networks_get_one_thread(
    network: nn.Module, batch_size: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    torch.set_num_threads(2)
    fit_threads(network, batch_size)
    assert torch.get_num_threads() == expected


def test_the_environment_decides_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    torch.set_num_threads(2)
    fit_threads(MLP(2), 1)
    assert torch.get_num_threads() == 2


def trained(app: App, *arguments: str) -> dict[str, torch.Tensor]:
    assert app("fit", "--config", PRODUCT, "--trainer.max_epochs", "5", *arguments).exit_code == 0
    newest = max(Path("lightning_logs/product").glob("*/checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime)
    checkpoint = torch.load(newest, weights_only=True)
    assert checkpoint["optimizer_states"][0]["param_groups"][0]["fused"] is ("false" not in arguments)
    state: dict[str, torch.Tensor] = checkpoint["state_dict"]
    return state


def test_a_step_in_one_call_is_the_usual_step_but_for_rounding(app: App) -> None:
    usual = trained(app, OPTIMIZER, "torch.optim.Adam", f"{OPTIMIZER}.init_args.fused", "false")
    for name, value in trained(app, OPTIMIZER, "torch.optim.Adam").items():
        torch.testing.assert_close(value, usual[name], rtol=1e-4, atol=1e-6)


def test_settings_that_choose_how_to_step_are_left_alone() -> None:
    weights = [nn.Parameter(torch.ones(1))]
    assert fused(torch.optim.Adam(weights, fused=False)).param_groups[0]["fused"] is False
    assert fused(torch.optim.Adam(weights, foreach=True)).param_groups[0]["fused"] is None
    assert fused(torch.optim.Adam(weights, differentiable=True)).param_groups[0]["fused"] is None
    assert "fused" not in fused(torch.optim.Rprop(weights)).param_groups[0]


def test_a_step_that_something_hangs_on_is_recorded() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))])
    assert unrecorded(optimizer) != optimizer.step
    optimizer.register_step_post_hook(lambda *arguments: None)
    assert unrecorded(optimizer) == optimizer.step
    scheduled = torch.optim.SGD([nn.Parameter(torch.ones(1))])
    torch.optim.lr_scheduler.StepLR(scheduled, 1)
    assert unrecorded(scheduled) == scheduled.step


@pytest.mark.parametrize("network", [ConvNet(3, [4, 8], 8, 2), ResNet(3, 2, channels=[4, 8, 8])])
def test_convolutions_keep_channels_last(network: nn.Module) -> None:
    weight = [weight for weight in network.parameters() if weight.ndim == 4][1]
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()


def test_what_is_left_out_at_the_start_is_there_when_it_is_asked_for() -> None:
    code = """
import sys
from engine.patches import fast_import
fast_import()
import lightning.pytorch
assert "scipy.signal" not in sys.modules
import scipy.signal
assert scipy.signal.convolve([1, 2], [1, 1]).tolist() == [1, 3, 2]
assert hasattr(scipy.signal, "windows")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_profile_is_kept_and_named(app: App) -> None:
    result = app("fit", "--config", PRODUCT, "--trainer.max_epochs", "2", "--trainer.profiler", "simple")
    assert result.exit_code == 0, result.err
    path = Path("lightning_logs/product/version_0/fit-profile.txt")
    assert f"profile: {path}" in result.out
    assert "run_training_batch" in path.read_text()
    assert "optimizer_step" in path.read_text()
