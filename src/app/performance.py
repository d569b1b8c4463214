"""What keeps small networks fast."""

import os

import torch
from torch.optim import Optimizer


def tune() -> None:
    """Spare machines without an NVIDIA GPU a search for its library in every step of Adam and its like.

    Importing Lightning has PyTorch ask that library, instead of CUDA itself, whether there is a GPU; a step of an
    optimizer asks too, and where the library is missing it is looked for anew each time.
    """
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"


def fused(optimizer: Optimizer) -> Optimizer:
    """Have an optimizer update all parameters in one call, where it can and its settings leave the choice open.

    PyTorch's default is a loop over parameters in Python. Both compute the same; they round differently.
    """
    choice = optimizer.defaults
    if choice.get("fused", True) is None and not any(choice.get(name) for name in ("foreach", "differentiable")):
        for group in optimizer.param_groups:
            group["fused"] = True
    return optimizer
