"""Measures against plain references."""

from typing import Any

import pytest
import torch
from torch import nn

from engine.diagnosis.measures import distance, gradient_norms, samples, units_active, weight_matrices


def test_a_sparse_gradient_has_the_norm_of_the_dense_one() -> None:
    sizes: list[tuple[list[str], list[float], float]] = []
    for sparse in (True, False):
        torch.manual_seed(0)
        table = nn.Embedding(10, 3, sparse=sparse)
        table(torch.tensor([1, 1, 1, 4])).square().sum().backward()
        sizes.append(gradient_norms(table, torch.optim.SGD(table.parameters(), lr=0.1)))
    assert sizes[0][0] == sizes[1][0] == ["weight"]
    assert sizes[0][1] == pytest.approx(sizes[1][1])
    assert sizes[0][2] == pytest.approx(sizes[1][2])


def test_gradients_of_another_optimizer_do_not_count() -> None:
    last = nn.Linear(3, 1)
    network = nn.Sequential(nn.Linear(2, 3), last)
    network(torch.randn(4, 2)).sum().backward()
    names, [size], total = gradient_norms(network, torch.optim.SGD(last.parameters(), lr=0.1))
    weight, bias = last.weight.grad, last.bias.grad
    assert names == ["1.weight"]
    assert weight is not None
    assert bias is not None
    assert size == pytest.approx(weight.square().mean().sqrt().item())
    assert total == pytest.approx(torch.cat([weight.flatten(), bias]).norm().item())


def test_no_gradient_is_a_norm_of_0() -> None:
    layer = nn.Linear(2, 1)
    assert gradient_norms(layer, torch.optim.SGD(layer.parameters(), lr=0.1)) == ([], [], 0.0)


def test_weights_that_are_zero_or_alike_are_named_and_no_others() -> None:
    layers = nn.ModuleDict({name: nn.Linear(3, 4) for name in ("zero", "alike", "drawn", "frozen")})
    for name, value in (("zero", 0.0), ("alike", 0.5), ("frozen", 0.0)):
        nn.init.constant_(layers[name].weight, value)  # type: ignore[arg-type]
    layers["frozen"].requires_grad_(False)
    layers["single"] = nn.Linear(3, 1)
    zero, alike = weight_matrices(layers)
    assert zero == ["zero.weight"]
    assert set(alike) - set(zero) == {"alike.weight"}


def test_the_distance_is_relative_to_the_size_before() -> None:
    layer = nn.Linear(50, 50)
    before = samples(layer)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(1.5)
    assert distance(before, samples(layer)) == pytest.approx(0.5)
    assert distance(before, samples(nn.Linear(2, 2))) is None


@pytest.mark.parametrize(
    ("shape", "unit"), [((5, 4), (slice(None), 2)), ((5, 3, 4), (..., 2)), ((5, 4, 3, 3), (slice(None), 2))]
)
def test_a_unit_is_a_column_or_a_channel(shape: tuple[int, ...], unit: Any) -> None:
    output = torch.zeros(shape)
    output[unit] = 1.0
    assert units_active(output) == [False, False, True, False]


def test_an_output_without_samples_has_no_units() -> None:
    assert units_active(torch.ones(3)) is None
    assert units_active((torch.ones(3, 3),)) is None
