"""A program of torch.export, a file .pt2, run by PyTorch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import DataError, one_line

Array = NDArray[Any]


def load(path: Path, threads: int | None) -> tuple[Callable[[Array], Array], str | None, tuple[int | None, ...]]:
    """Return what runs a program, its metadata and the shape of its inputs.

    Raises:
        DataError: If it is no program of torch.export.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    extra = {"model": ""}
    try:
        program = torch.export.load(path, extra_files=extra)
    except Exception as error:  # zipfile's, PyTorch's and Python's own
        raise DataError(f"{path} cannot be read as a program of torch.export: {one_line(error)}") from error
    module = program.module()
    given = next(node.meta["val"] for node in program.graph.nodes if node.name in program.graph_signature.user_inputs)

    def run(inputs: Array) -> Array:
        with torch.inference_mode():
            outputs: Array = module(torch.from_numpy(np.array(inputs)).to(given.dtype)).numpy()
        return outputs

    shape = tuple(length if isinstance(length, int) else None for length in given.shape)
    return run, extra["model"] or None, shape
