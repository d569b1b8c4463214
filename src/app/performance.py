"""What keeps small networks fast."""

import os

import torch


def tune() -> None:
    """Spare machines without an NVIDIA GPU a search for its library in every step of Adam and its like.

    Importing Lightning has PyTorch ask that library, instead of CUDA itself, whether there is a GPU; a step of an
    optimizer asks too, and where the library is missing it is looked for anew each time.
    """
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
