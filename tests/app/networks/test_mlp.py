from typing import Literal

import pytest
import torch
from torch import nn

from app.networks import MLP


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("widths", "expected"), [([16, 8], 2 * 16 + 16 + 16 * 8 + 8 + 8 + 1), ([5], 15 + 6), ([], 3)])
def test_parameters_are_those_of_the_layers(widths: list[int], expected: int) -> None:
    assert count(MLP(2, widths)) == expected


def test_it_is_the_network_written_by_hand() -> None:
    torch.manual_seed(0)
    by_hand = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))
    torch.manual_seed(0)
    network = MLP(2, [16, 8])
    inputs = torch.randn(5, 2)
    assert torch.equal(network(inputs), by_hand(inputs))


def test_without_hidden_layers_it_is_linear() -> None:
    network = MLP(3, [])
    a, b = torch.randn(4, 3), torch.randn(4, 3)
    torch.testing.assert_close(network(a + b) + network(torch.zeros(4, 3)), network(a) + network(b))


def test_outputs_take_both_signs() -> None:
    outputs = MLP(2, [16, 8])(torch.randn(500, 2) * 10)
    assert outputs.min() < 0 < outputs.max()


def test_images_are_flattened() -> None:
    assert MLP(784, [4], 10)(torch.rand(3, 1, 28, 28)).shape == (3, 10)


def test_dropout_is_where_it_was_asked_for() -> None:
    kinds = [type(layer).__name__ for layer in MLP(1, [20, 20], dropout=[0.1, 0.0]).layers]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Linear"]


def test_dropout_without_hidden_layers_acts_on_the_input_of_the_only_layer() -> None:
    network = MLP(1000, dropout=0.5)
    assert [type(layer).__name__ for layer in network.layers] == ["Dropout", "Linear"]
    inputs = torch.ones(2, 1000)
    assert not torch.equal(network(inputs)[0], network(inputs)[1])
    assert torch.equal(network.eval()(inputs), network.layers[1](inputs))


def test_batch_norm_comes_before_the_activation() -> None:
    kinds = [type(layer).__name__ for layer in MLP(1, [3], activation="tanh", batch_norm=True).layers]
    assert kinds == ["Linear", "BatchNorm1d", "Tanh", "Linear"]


@pytest.mark.parametrize(
    ("init", "std"),
    [
        ("xavier_uniform", (2 / (400 + 100)) ** 0.5),
        ("kaiming_normal", (2 / 400) ** 0.5),
        ("zeros", 0.0),
        ("large", 1.0),
    ],
)
def test_weights_have_the_deviation_of_the_formula(
    init: Literal["xavier_uniform", "kaiming_normal", "zeros", "large"], std: float
) -> None:
    torch.manual_seed(0)
    layer = MLP(400, [100], init=init).layers[0]
    assert isinstance(layer, nn.Linear)
    assert layer.weight.std().item() == pytest.approx(std, rel=0.02)
    assert not layer.bias.any()


@pytest.mark.parametrize(
    ("widths", "dropout", "message"),
    [([0], 0.0, "2-0-1"), ([3], [0.1, 0.1], "2 dropouts for 1"), ([], [0.5], "1 dropouts for 0")],
)
def test_widths_that_make_no_network_are_refused(widths: list[int], dropout: float | list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLP(2, widths, dropout=dropout)
