from pathlib import Path

import numpy as np
import pytest
import torch

from app.networks import CharLSTM, ConvNet
from app.tasks import Classification, NextCharacter
from engine.export import graph
from engine.export.formats import quantized
from engine.export.surface import Surface
from engine.exported.model import ExportedModel

ABOUT = {"version": 1, "inputs": {"kind": "text"}, "outputs": {"kind": "next_character"}}


@pytest.mark.slow
def test_recurrent_layers_get_weights_of_8_bits_and_convolutions_do_not(folder: Path) -> None:
    language = NextCharacter(CharLSTM(8), torch.optim.Adam, vocabulary="abcdefgh")
    inputs = torch.arange(24).reshape(3, 8) % 8
    write = graph.onnx(Surface(language), inputs, True)
    graph.opened(write, folder / "model.onnx", ABOUT)
    small = quantized(folder / "model.onnx", 1)
    assert small.note == "99% of the weights are int8"
    assert small.bytes < 0.5 * (folder / "model.onnx").stat().st_size
    expected = ExportedModel(folder / "model.onnx", 1)(inputs.numpy())
    assert 0 < np.abs(small.run(inputs.numpy()) - expected).max() < 0.01

    images = Classification(ConvNet(1, [16, 32], 8, 2), torch.optim.Adam, num_classes=2)
    surface = Surface(images, images=True)
    graph.opened(graph.onnx(surface, torch.zeros(3, 8, 8, 1, dtype=torch.uint8), False), folder / "model.onnx", ABOUT)
    share = int(quantized(folder / "model.onnx", 1).note.partition("%")[0])
    assert 0 < share < 20
