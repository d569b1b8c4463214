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

from engine.errors import CommandError, one_line, place_of, root_cause
from engine.export.surface import Surface
from engine.exported.model import ExportedModel

OPSET = 20  # of ONNX
KEY = "model"  # of the metadata in both kinds of file
LENGTHS = (3, 5, 7, 11, 13)  # of the batch that is traced: 1 would become a constant
# Words of torch's errors, and what they mean to someone who wrote the network.
MEANINGS = {
    "data-dependent": "forward decides by the values of its inputs, where a graph has one way for all of them",
    "Constraints violated": "forward does something else for some numbers of samples",
    "static shape": "forward takes one number of samples only",
    "No ONNX function": "ONNX has no such operation",
}
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
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass  # comes with torch's exporter

    ClearMetadataAndDocStringPass()(program.model)  # paths and lines of the source, larger than a small network

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
    if any_length:
        program = _onnx_program(surface, inputs, any_length).exported_program
    else:
        with _errors_named(surface), quiet(), torch.no_grad():
            program = torch.export.export(surface, (inputs,), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False)
    for part in program.graph_module.modules():  # a loop is a graph of its own
        for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)  # paths and lines of the source

    def write(path: Path, text: str) -> None:
        with quiet():
            torch.export.save(program, path, extra_files={KEY: text})

    return write


def opened(write: Write, file: Path, about: Mapping[str, Any]) -> ExportedModel:
    """Write a file, with metadata, and open it as another program would."""
    finite = json.loads(json.dumps(about), parse_constant=lambda name: None)  # JSON has no NaN
    write(file, json.dumps(finite))
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
        raise CommandError(f"{type(surface.module).__name__} cannot be exported: {MEANINGS['static shape']}: {batch}")
    return program


@contextmanager
def _errors_named(surface: Surface) -> Iterator[None]:
    """Turn what the exporter raises into a message: the reason, and the line of the network that it met."""
    try:
        yield
    except CommandError:
        raise
    except Exception as error:  # of many kinds, some of them private
        cause = root_cause(error)
        reason = one_line(cause).partition(" For more information")[0][:200]
        meaning = next((text for words, text in MEANINGS.items() if words in reason), "torch cannot translate it")
        name = type(surface.module).__name__
        raise CommandError(f"{name} cannot be exported: {meaning}{place_of(cause)}.\ntorch says: {reason}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to itself what torch prints, logs and warns of while it traces: nothing of it is for the user."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.ExitStack() as stack:
            for redirect in (contextlib.redirect_stdout, contextlib.redirect_stderr):
                stack.enter_context(redirect(io.StringIO()))
            yield
    finally:
        logging.disable(before)
