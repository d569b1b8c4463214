"""Graphs of a network, traced by torch.export, and the files that hold them: ONNX and .pt2."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim

from engine.errors import CommandError, one_line
from engine.export.surface import Surface
from engine.exported.model import ExportedModel

OPSET = 20  # of ONNX
KEY = "model"  # of the metadata in both kinds of file
LENGTHS = (3, 5, 7, 11, 13)  # of the batch that is traced: 1 would become a constant
Write = Callable[[Path, str], None]  # writes a file with a text as metadata


def example(inputs: Tensor) -> Tensor:
    """Return a few samples to trace, in another number than any other dimension has."""
    count = next(length for length in LENGTHS if length not in inputs.shape[1:])
    return inputs[torch.arange(count) % len(inputs)]


def onnx(surface: Surface, inputs: Tensor, any_length: bool) -> Write:
    """Return what writes a network as one ONNX file; inputs (B, ...) are from outside.

    Raises:
        CommandError: If torch cannot trace or translate it.
    """
    program = _onnx_program(surface, inputs, any_length)

    def write(path: Path, text: str) -> None:
        program.model.metadata_props[KEY] = text
        program.save(path)
        if path.stat().st_size > 2**31 or len(list(path.parent.glob(f"{path.name}*"))) > 1:
            raise CommandError("the network is larger than 2 GB, which one ONNX file cannot hold: --format pt2")

    return write


def pt2(surface: Surface, inputs: Tensor, any_length: bool) -> Write:
    """Return what writes a network as a program of torch.export; inputs (B, ...) are from outside.

    torch.export unrolls recurrent layers into as many steps as the example has. torch.onnx does not, and what it traced
    is a program too.

    Raises:
        CommandError: If torch cannot trace it.
    """
    shapes = {0: Dim.DYNAMIC, **({1: Dim.DYNAMIC} if any_length else {})}
    try:
        with _errors_named(surface), quiet(), torch.no_grad():
            program = torch.export.export(surface, (inputs,), dynamic_shapes=(shapes,), strict=False)
    except CommandError:
        if not any_length:
            raise
        program = _onnx_program(surface, inputs, any_length).exported_program

    def write(path: Path, text: str) -> None:
        with quiet():
            torch.export.save(program, path, extra_files={KEY: text})

    return write


def opened(write: Write, file: Path, about: Mapping[str, Any]) -> ExportedModel:
    """Write a file, with metadata, and open it as another program would."""
    write(file, json.dumps(about))
    with quiet():
        return ExportedModel(file)


def _onnx_program(surface: Surface, inputs: Tensor, any_length: bool) -> Any:
    with _errors_named(surface), quiet(), torch.no_grad():
        program: Any = torch.onnx.export(
            surface,
            (inputs,),
            dynamic_shapes=({0: "batch", **({1: "time"} if any_length else {})},),
            input_names=["inputs"],
            output_names=[surface.name],
            opset_version=OPSET,
            verbose=False,
        )
    batch = program.model.graph.inputs[0].shape[0]
    if isinstance(batch, int):
        raise CommandError(f"{type(surface.module).__name__} cannot be exported: it takes {batch} samples only")
    return program


@contextmanager
def _errors_named(surface: Surface) -> Iterator[None]:
    """Turn what the exporter raises into a message: the reason, and the line of the network that it met."""
    try:
        yield
    except CommandError:
        raise
    except Exception as error:  # of torch, or of the network's own code
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = one_line(RuntimeError(next(filter(None, str(cause).splitlines()), type(cause).__name__)))
        raise CommandError(f"{type(surface.module).__name__} cannot be exported: {reason}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to itself what torch prints, logs and warns of while it traces: nothing of it is for the user."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
