import os

import lightning.pytorch  # noqa: F401  # sets the variable
import pytest
import torch

from app.performance import tune


@pytest.mark.skipif(torch.cuda.is_available(), reason="only without a GPU")
def test_without_a_gpu_no_step_looks_for_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    tune()
    assert os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] == "0"
