"""Formats of a network: in PyTorch, and in the files that it leaves as."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine import console
from engine.comparison.statistics import Estimate
from engine.errors import one_line
from engine.export import graph
from engine.export.export import Tested
from engine.exported.model import ExportedModel
from engine.lazy import needed
from engine.project import Project, current, set_current

Array = NDArray[Any]
SIZES = (1, 64)  # samples in a batch
QUANTIZED = ("MatMul", "Gemm", "LSTM")  # operators with weights of 8 bits; onnxruntime has none for convolutions
OPEN = "import sys, numpy; from pathlib import Path; from engine.exported.model import ExportedModel; "
OPEN += "ExportedModel(Path(sys.argv[1]))(numpy.load(sys.argv[2])); print('predicted', flush=True)"
BUILD = "import sys; from engine.export.formats import first; first(*sys.argv[1:])"


@dataclass(frozen=True)
class Span:
    """Median and range of several measurements."""

    median: float
    min: float
    max: float

    @property
    def text(self) -> str:
        """All three in a cell of a table."""
        return f"{self.median:.3g} ({self.min:.3g} to {self.max:.3g})"


@dataclass
class Format:
    """A network in one format.

    Args:
        name: What the table calls it.
        bytes: Size of the file with its weights.
        run: Maps a batch to predictions.
        start: Command that predicts once, and prints a line then.
        note: What else there is to say of it.
    """

    name: str
    bytes: int
    run: Callable[[Array], Array]
    start: Sequence[str | Path]
    note: str = ""
    milliseconds: dict[int, Span] = field(default_factory=dict)
    start_s: Span | None = None
    metric: float | None = None
    change: Estimate | None = None  # of the error of a sample, against torch


def formats_of(tested: Tested, place: Path, inputs: Array, threads: int, words: Sequence[str]) -> Iterator[Format]:
    """Yield a network in each format; torch.compile is left out where it cannot be used."""
    surface, size = tested.surface, tested.saved.path.stat().st_size
    build: list[str | Path] = [sys.executable, "-c", BUILD, current().package, current().defaults]
    yield Format("torch", size, _eager(surface), [*build, "eager", place / "one.npy", *words])
    compiled = _eager(torch.compile(surface))
    try:
        with graph.quiet():
            for length in SIZES:
                compiled(np.resize(inputs, (length, *inputs.shape[1:])))
        yield Format("torch compiled", size, compiled, [*build, "compiled", place / "one.npy", *words])
    except Exception as error:  # of the compiler, which may not be there
        console.say(f"torch.compile is left out: {one_line(error)[:200]}")
    example = graph.example(torch.from_numpy(inputs))
    text = example.dtype == torch.int64
    about = {"version": 1, "inputs": {"kind": "measured"}, "outputs": {"kind": "measured"}}
    for name, trace in (("onnx", graph.onnx), ("pt2", graph.pt2)):
        file = place / f"model.{name}"
        graph.opened(trace(surface, example, text), file, about)
        yield _opened(name, file, threads)
        if name == "onnx":
            yield quantized(file, threads)


def _eager(module: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Array], Array]:
    def run(inputs: Array) -> Array:
        with torch.inference_mode():
            outputs: Array = module(torch.from_numpy(inputs)).numpy()
        return outputs

    return run


def _opened(name: str, file: Path, threads: int, note: str = "") -> Format:
    with graph.quiet():
        model = ExportedModel(file, threads)
    return Format(name, file.stat().st_size, model, [sys.executable, "-c", OPEN, file, file.with_name("one.npy")], note)


def quantized(file: Path, threads: int) -> Format:
    """Return a model whose weights are integers of 8 bits, in the layers where that can be."""
    import onnx

    runtime: Any = needed("onnxruntime", "export")
    tools: Any = needed("onnxruntime.quantization", "export")
    folded, target = file.with_name("model.folded.onnx"), file.with_name("model.int8.onnx")
    # PyTorch leaves the weights of recurrent layers as slices that are put together anew at each call.
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)
    runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    with graph.quiet():
        tools.quantize_dynamic(folded, target, op_types_to_quantize=list(QUANTIZED), weight_type=tools.QuantType.QInt8)
    sizes = [(weight.data_type, int(np.prod(weight.dims))) for weight in onnx.load(target).graph.initializer]
    small = sum(size for kind, size in sizes if kind == onnx.TensorProto.INT8)
    if not small:
        note = f"changes nothing: no {', '.join(QUANTIZED[:-1])} or {QUANTIZED[-1]} with weights"
    else:
        note = f"{small / sum(size for _, size in sizes):.0%} of the weights are int8"
    return _opened("onnx int8", target, threads, note)


def first(package: str, defaults: str, compiled: str, file: str, *words: str) -> None:
    """Build a network from its run, predict once and print a line: what a process of its own does."""
    set_current(Project(package, Path(defaults)))
    from engine.settings.choice import choose
    from engine.training.command import load

    load()
    with torch.inference_mode(), graph.quiet():
        surface = Tested(choose("export", words), Path()).surface
        array = np.load(file)
        surface.images = array.dtype == np.uint8 and array.ndim == 4
        run = torch.compile(surface) if compiled == "compiled" else surface
        run(torch.from_numpy(array))
    sys.stdout.write("predicted\n")
    sys.stdout.flush()
