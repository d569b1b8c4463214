"""Exported models made by hand, of a layer each: what `export` writes, without PyTorch's exporter."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
Weights = Sequence[Sequence[float]]


def column(name: str, low: float = 0, high: float = 10) -> dict[str, Any]:
    return {"name": name, "min": low, "max": high, "mean": (low + high) / 2, "integer": False}


def of_numbers(path: Path, weights: Weights, names: Sequence[str], targets: Sequence[str], **more: Any) -> Path:
    """Write a model of a table: inputs (N, columns) times weights (columns, targets)."""
    nodes = [helper.make_node("MatMul", ["inputs", "weights"], ["predicted"])]
    inputs = {"kind": "table", "columns": [column(name) for name in names]}
    outputs = {"kind": "numbers", "names": list(targets), "units": [None] * len(targets)}
    shape: list[int | str] = ["batch", len(names)]
    return save(path, nodes, weights, TensorProto.FLOAT, shape, inputs, outputs, **more)


def of_classes(path: Path, weights: Weights, names: Sequence[str], classes: Sequence[str], **outputs: Any) -> Path:
    """Write a model of a table: the softmax of inputs (N, columns) times weights (columns, classes)."""
    nodes = [
        helper.make_node("MatMul", ["inputs", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    inputs = {"kind": "table", "columns": [column(name) for name in names]}
    described = {"kind": "classes", "classes": list(classes), **outputs}
    return save(path, nodes, weights, TensorProto.FLOAT, ["batch", len(names)], inputs, described)


def of_images(path: Path, classes: Sequence[str], size: tuple[int, int] = (8, 8), channels: int = 3) -> Path:
    """Write a model of images, whose class is the channel that is brightest at the upper left."""
    nodes = [
        helper.make_node("Cast", ["inputs"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    weights = np.zeros((size[0] * size[1] * channels, len(classes)))
    weights[:channels, :channels] = np.eye(channels, len(classes)) / 100
    inputs = {"kind": "image", "channels": channels, "height": size[0], "width": size[1], "fit": "resize"}
    outputs = {"kind": "classes", "classes": list(classes)}
    return save(path, nodes, weights, TensorProto.UINT8, ["batch", *size, channels], inputs, outputs)


def of_text(path: Path, vocabulary: str = "abcd", time: int | str = "time") -> Path:
    """Write a model of text that expects the character after the last one in the vocabulary, and then the first."""
    nodes = [
        helper.make_node("Gather", ["inputs", "end"], ["last"], axis=1),
        helper.make_node("Gather", ["weights", "last"], ["logits"], axis=0),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    weights = 4 * np.roll(np.eye(len(vocabulary)), 1, axis=1)
    inputs = {"kind": "text", "vocabulary": vocabulary, "window": 4}
    end = numpy_helper.from_array(np.array(-1), "end")
    outputs = {"kind": "next_character"}
    return save(path, nodes, weights, TensorProto.INT64, ["batch", time], inputs, outputs, more=[end])


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    weights: Any,
    kind: int,
    shape: Sequence[Any],
    inputs: dict[str, Any],
    outputs: dict[str, Any],
    opset: int = OPSET,
    more: Sequence[onnx.TensorProto] = (),
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a model with its metadata, and return its path."""
    described = {"version": 1, "title": "by_hand/version_0", "inputs": inputs, "outputs": outputs}
    given = helper.make_tensor_value_info("inputs", kind, shape)
    returned = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, ["batch", None])
    constants = [numpy_helper.from_array(np.array(weights, dtype=np.float32), "weights"), *more]
    graph = helper.make_graph(nodes, "by_hand", [given], [returned], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    helper.set_model_props(model, {"model": json.dumps(described)} if metadata is None else metadata)
    onnx.save(model, path)
    return path
