"""An exported model: its metadata, and predictions by onnxruntime, or by PyTorch for a file .pt2."""

import hashlib
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError, nearest, one_line
from engine.lazy import needed
from engine.settings.options import EXPORTED

VERSION = 1  # of the metadata
TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int64)": np.int64}
Array = NDArray[Any]
Run = Callable[[Array], Array]


class ExportedModel:
    """Maps inputs as people have them to predictions in original units; may be called from several threads.

    Args:
        path: A file that `export` wrote.
        threads: Threads of one call; by default as many as cores.

    Attributes:
        metadata: What the file says of itself: title, inputs, outputs, metrics, run.
        digest: SHA-256 of the file.
        shape: Lengths of the dimensions of the inputs, None where any will do.

    Raises:
        DataError: If the file is not there, or no such model.
        UsageError: If the library that runs it is not installed.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self.path = path
        if not path.is_file():
            others = [other.name for other in path.parent.glob("*") if other.suffix in EXPORTED]
            what = "is a folder" if path.is_dir() else "does not exist"
            raise DataError(f"{path} {what}{nearest(path.name, others)}")
        with path.open("rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()
        load = _onnx
        if path.suffix == ".pt2":
            load = importlib.import_module("engine.exported.program").load  # imports torch
        self._run, text, self.shape = load(path, threads)
        self.metadata = _metadata(path, text)

    def __call__(self, inputs: Array) -> Array:
        """Return the outputs (N, ...) for inputs (N, ...)."""
        return self._run(inputs)

    @property
    def inputs(self) -> dict[str, Any]:
        """What goes in: its kind, and columns, size or vocabulary."""
        found: dict[str, Any] = self.metadata["inputs"]
        return found

    @property
    def outputs(self) -> dict[str, Any]:
        """What comes out: its kind, and names or classes."""
        found: dict[str, Any] = self.metadata["outputs"]
        return found


def _onnx(path: Path, threads: int | None) -> tuple[Run, str | None, tuple[int | None, ...]]:
    """Return what runs an ONNX file, its metadata and the shape of its inputs."""
    runtime: Any = needed("onnxruntime", "export")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # errors are raised too
    options.intra_op_num_threads = threads or 0
    try:
        session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each kind of damage has a class of its own, directly below Exception
        message = one_line(error).partition("] : ")[2] or one_line(error)
        raise DataError(f"{path} cannot be read as ONNX by onnxruntime {runtime.__version__}: {message}") from error
    given, returned = session.get_inputs(), session.get_outputs()
    if len(given) != 1 or len(returned) != 1 or given[0].type not in TYPES:
        raise DataError(f"{path} was not exported by this project: it has not one input and one output")
    name, kind = given[0].name, TYPES[given[0].type]

    def run(inputs: Array) -> Array:
        outputs: Array = session.run(None, {name: np.ascontiguousarray(inputs, dtype=kind)})[0]
        return outputs

    shape = tuple(length if isinstance(length, int) else None for length in given[0].shape)
    return run, session.get_modelmeta().custom_metadata_map.get("model"), shape


def _metadata(path: Path, text: str | None) -> dict[str, Any]:
    """Return the metadata from its JSON text."""
    if text is None:
        raise DataError(f"{path} was not exported by this project: it has no metadata named model")
    try:
        found: dict[str, Any] = json.loads(text)
        version, kinds = found["version"], (found["inputs"]["kind"], found["outputs"]["kind"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} has metadata that cannot be read: {one_line(error)}") from error
    if version != VERSION:
        raise DataError(f"{path} has metadata of version {version}, and {VERSION} is the one that can be read here")
    if not all(isinstance(kind, str) for kind in kinds):
        raise DataError(f"{path} has metadata that cannot be read: kinds {kinds}")
    return found
