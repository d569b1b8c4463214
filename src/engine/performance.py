"""What keeps training fast without changing what it learns; docs/performance.md has the figures."""

import os
from typing import Any

import torch
from lightning.pytorch.trainer.connectors.logger_connector.result import _ResultMetric
from torch import nn
from torch.optim import Optimizer

# Multiplications in the layers of a network for one batch, below which a second thread costs more than it does.
SMALL = 2**24
CPU, MOVE = torch.device("cpu"), _ResultMetric.to
CHOSEN = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def tune() -> None:
    """Spare machines without a GPU what is only done for one.

    Importing Lightning has PyTorch ask NVIDIA's library, instead of CUDA itself, whether there is a GPU; every step of
    Adam and its like asks too, and where the library is missing it is looked for anew each time.

    Each self.log takes the metric apart to move it to the device of the value, where it is already.
    """
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    if not torch.accelerator.is_available():
        _ResultMetric.to = _stay  # type: ignore[assignment, method-assign]


def fit_threads(network: nn.Module, batch_size: int) -> None:
    """Train a small network on one thread, unless the environment says how many.

    Threads wait for each other by spinning: on a busy machine a small network is many times slower with two. Layers
    that use a weight more than once for each sample, convolutional and recurrent ones, are worth all threads.
    """
    weights = list(network.parameters())
    once = all(weight.ndim <= 2 for weight in weights)
    recurrent = any(isinstance(layer, nn.RNNBase) for layer in network.modules())
    work = batch_size * sum(weight.numel() for weight in weights)
    if once and not recurrent and work < SMALL and not any(os.environ.get(name) for name in CHOSEN):
        torch.set_num_threads(1)


def _stay(metric: _ResultMetric, *target: Any, **more: Any) -> _ResultMetric:
    """Move a logged metric, unless that is to the CPU, where it is."""
    return metric if target == (CPU,) and not more else MOVE(metric, *target, **more)


def threads() -> str:
    """Return in words how many threads compute."""
    count = torch.get_num_threads()
    return "1 thread" if count == 1 else f"{count} threads"


def fused(optimizer: Optimizer) -> Optimizer:
    """Have an optimizer update all parameters in one call, where it can and its settings leave the choice open.

    PyTorch's default is a loop over parameters in Python. Both compute the same; they round differently.
    """
    choice = optimizer.defaults
    if choice.get("fused", True) is None and not any(choice.get(name) for name in ("foreach", "differentiable")):
        for group in optimizer.param_groups:
            group["fused"] = True
    return optimizer
