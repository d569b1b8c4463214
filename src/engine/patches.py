"""Patches of Lightning, torch and their dependencies: every private name that the engine changes, with its reason.

Each was tried with lightning 2.6.6, torch 2.15 and torchmetrics 1.9. ENGINE_PATCHES=none switches them all off, and
ENGINE_PATCHES=fast_import,fast_exit leaves only those named.
"""

import atexit
import contextlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import BatchSizeFinder
    from torch import nn


def wanted(name: str) -> bool:
    """Return whether a patch is switched on."""
    chosen = os.environ.get("ENGINE_PATCHES")
    return chosen is None or name in chosen.split(",")


def fast_import() -> None:
    """Import torchmetrics without scipy.signal, which takes most of a second.

    torchmetrics, which Lightning imports, imports it only to give back to it a function that one metric for audio
    needs; that metric asks its user to install a package of its own. Whoever imports scipy.signal later gets the real
    one.
    """
    if not wanted("fast_import") or "scipy.signal" in sys.modules:
        return
    stand_in = types.ModuleType("scipy.signal")
    stand_in.hamming = None  # type: ignore[attr-defined]  # so that there is nothing to give back
    sys.modules["scipy.signal"] = stand_in
    try:
        import scipy

        scipy.signal = stand_in
        import torchmetrics  # noqa: F401
    finally:
        del sys.modules["scipy.signal"], scipy.signal


def cheap_checks() -> None:
    """Skip what is only needed where there is a GPU.

    Importing Lightning makes PyTorch ask NVIDIA's library, instead of CUDA itself, whether there is a GPU. Each step of
    Adam asks too, and where the library is missing it is looked for each time: 0.1 ms a step.

    Each self.log takes a metric apart to move it to the device of the value, where it is already: 0.2 s a command.
    """
    import torch

    if not wanted("cheap_checks"):
        return
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    if torch.accelerator.is_available():
        return
    from lightning.pytorch.trainer.connectors.logger_connector.result import _ResultMetric

    cpu, move = torch.device("cpu"), _ResultMetric.to

    def stay(metric: _ResultMetric, *target: Any, **more: Any) -> _ResultMetric:
        return metric if target == (cpu,) and not more else move(metric, *target, **more)

    if move.__name__ != "stay":
        _ResultMetric.to = stay  # type: ignore[assignment, method-assign]


def is_compiled(network: "nn.Module") -> bool:
    """Return whether `network.compile()` was called: not a patch, but PyTorch has no public way to ask."""
    return getattr(network, "_compiled_call_impl", None) is not None


def size_name(finder: "BatchSizeFinder") -> str:
    """Return the attribute that holds the batch size: not a patch either, but Lightning has no public name for it."""
    return finder._batch_arg_name


def fast_exit(exit_code: int) -> NoReturn:
    """End the process without taking apart what was imported, which takes longer than a second."""
    if not wanted("fast_exit"):
        sys.exit(exit_code)
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exit_code)
