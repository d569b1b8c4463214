"""Exported models that are made by hand: a plane, the mean brightness of an image, the letter that comes next."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

COLUMNS = [
    {"name": "x1", "min": -10.0, "max": 10.0, "mean": 0.5, "integer": False},
    {"name": "x2", "min": -10.0, "max": 10.0, "mean": -1.0, "integer": False},
]
VOCABULARY = "\nabc "
SIDE = 8  # pixels


def table(path: Path) -> Path:
    """Write a model of y = 2 x1 - 3 x2 + 1."""
    weight, bias = np.array([[2.0], [-3.0]], np.float32), np.array([1.0], np.float32)
    nodes = [
        helper.make_node("MatMul", ["inputs", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["predicted"]),
    ]
    facts = {
        "task": "Regression",
        "inputs": {"kind": "table", "columns": COLUMNS},
        "outputs": {"kind": "numbers", "names": ["price"], "units": ["euros"]},
    }
    return _write(path, nodes, (TensorProto.FLOAT, [2]), ("predicted", 1), {"weight": weight, "bias": bias}, facts)


def images(path: Path, channels: int = 1) -> Path:
    """Write a model that tells dark from bright images: the logit of the second is the mean brightness in [-1, 1]."""
    size = SIDE * SIDE * channels
    weight = np.stack([np.zeros(size), np.full(size, 2 / 255 / size)], 1).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["inputs"], ["raw"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["raw"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    facts = {
        "task": "Classification",
        "inputs": {"kind": "image", "channels": channels, "height": SIDE, "width": SIDE, "fit": "resize"},
        "outputs": {"kind": "classes", "classes": ["dark", "bright"]},
    }
    shape = (TensorProto.UINT8, [SIDE, SIDE, channels])
    return _write(
        path, nodes, shape, ("probabilities", 2), {"weight": weight, "bias": np.array([0, -1], np.float32)}, facts
    )


def text(path: Path) -> Path:
    """Write a model that takes the next letter of the vocabulary for the likeliest."""
    count = len(VOCABULARY)
    following = np.roll(np.eye(count, dtype=np.float32) * 20, 1, axis=1)
    nodes = [
        helper.make_node("Gather", ["inputs", "last"], ["letters"], axis=1),
        helper.make_node("Gather", ["following", "letters"], ["logits"], axis=0),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    facts = {
        "task": "NextCharacter",
        "inputs": {"kind": "text", "vocabulary": VOCABULARY, "window": 4},
        "outputs": {"kind": "next_character"},
    }
    parts = {"following": following, "last": np.array(-1, np.int64)}
    return _write(path, nodes, (TensorProto.INT64, ["time"]), ("probabilities", count), parts, facts)


def _write(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: tuple[int, Sequence[int | str]],
    outputs: tuple[str, int],
    weights: dict[str, np.ndarray],
    facts: dict[str, Any],
) -> Path:
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("inputs", inputs[0], ["batch", *inputs[1]])],
        [helper.make_tensor_value_info(outputs[0], TensorProto.FLOAT, ["batch", outputs[1]])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    common = {
        **{"version": 1, "title": f"made/{path.stem}", "config": "made", "run": "made", "commit": "0" * 40},
        **{"metrics": {"test/mae": 0.25}, "samples": 200, "split": "test", "tolerance": 1e-4, "max_difference": 1e-6},
        **{"checkpoint": {"name": "best.ckpt", "epoch": 3, "sha256": "0" * 64}, "created": "2026-11-24T17:00:00+00:00"},
    }
    helper.set_model_props(model, {"model": json.dumps(common | facts)})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
