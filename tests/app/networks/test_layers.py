from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from app.networks import MLP
from app.networks.layers import NoisyLinear, ReLUByHand


def away_from_zero(*shape: int) -> Tensor:
    """Return numbers where ReLU has a derivative, also for the small steps of gradcheck."""
    values = torch.randn(*shape, dtype=torch.float64)
    return (values + 0.1 * values.sign()).requires_grad_()


def test_relu_by_hand_has_the_gradient_of_its_values() -> None:
    inputs = away_from_zero(5, 3)
    assert gradcheck(ReLUByHand(), inputs)
    assert gradgradcheck(ReLUByHand(), inputs)


def test_relu_by_hand_is_relu_at_zero_and_at_the_ends_too() -> None:
    values = torch.tensor([-1.0, -0.0, 0.0, 2.0, torch.inf, -torch.inf, torch.nan])
    found = []
    for layer in (ReLUByHand(), nn.ReLU()):
        inputs = values.clone().requires_grad_()
        outputs = layer(inputs)
        (gradient,) = torch.autograd.grad(outputs, inputs, torch.full_like(values, 3.0))
        found += [outputs, gradient]
    torch.testing.assert_close(found[0], found[2], equal_nan=True)
    torch.testing.assert_close(found[1][:-1], found[3][:-1])


def test_a_network_with_relu_by_hand_learns_the_same_to_the_last_bit() -> None:
    losses = []
    activations: tuple[Literal["relu", "relu_by_hand"], ...] = ("relu", "relu_by_hand")
    for activation in activations:
        torch.manual_seed(0)
        network = MLP(3, [8, 8], activation=activation)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        inputs = torch.randn(20, 3)
        for _ in range(10):
            optimizer.zero_grad()
            loss = (network(inputs) - inputs.prod(1, keepdim=True)).square().mean()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] == losses[1]


def test_a_noisy_layer_has_the_gradients_of_its_values() -> None:
    layer = NoisyLinear(3, 2).double()
    names, weights = zip(*layer.named_parameters(), strict=True)

    def outputs(inputs: Tensor, *weights: Tensor) -> Tensor:
        torch.manual_seed(0)  # the same noise in each call
        found: Tensor = functional_call(layer, dict(zip(names, weights, strict=True)), (inputs,))
        return found

    assert names == ("weight", "bias", "weight_sigma", "bias_sigma")
    assert gradcheck(outputs, (torch.randn(4, 3, dtype=torch.float64, requires_grad=True), *weights))


def test_the_noise_is_that_of_the_formula() -> None:
    layer, inputs = NoisyLinear(3, 2), torch.randn(4, 3)
    torch.manual_seed(0)
    outputs = layer(inputs)
    torch.manual_seed(0)
    noise_in, noise_out = torch.randn(3), torch.randn(2)
    expected = torch.empty(4, 2)
    for row in range(4):
        for unit in range(2):
            scaled_out = noise_out[unit].sign() * noise_out[unit].abs() ** 0.5
            total = layer.bias[unit] + layer.bias_sigma[unit] * scaled_out
            for feature in range(3):
                scaled_in = noise_in[feature].sign() * noise_in[feature].abs() ** 0.5
                weight = layer.weight[unit, feature] + layer.weight_sigma[unit, feature] * scaled_out * scaled_in
                total = total + weight * inputs[row, feature]
            expected[row, unit] = total.detach()
    torch.testing.assert_close(outputs.detach(), expected)


def test_noise_begins_with_the_deviation_of_the_paper_around_the_weights_of_a_linear_layer() -> None:
    torch.manual_seed(0)
    plain = nn.Linear(400, 10)
    torch.manual_seed(0)
    layer = NoisyLinear(400, 10)
    assert torch.equal(layer.weight, plain.weight)
    assert torch.equal(layer.bias, plain.bias)
    assert layer.weight_sigma.unique().tolist() == layer.bias_sigma.unique().tolist() == [pytest.approx(0.5 / 20)]


def test_there_is_noise_in_training_only() -> None:
    network, inputs = MLP(3, [8], linear="noisy"), torch.randn(4, 3)
    assert [type(layer).__name__ for layer in network.layers] == ["NoisyLinear", "ReLU", "NoisyLinear"]
    assert not torch.equal(network(inputs), network(inputs))
    network.eval()
    random = torch.random.get_rng_state()
    plain = MLP(3, [8])
    plain.load_state_dict(network.state_dict(), strict=False)
    torch.random.set_rng_state(random)
    assert torch.equal(network(inputs), network(inputs))
    assert torch.equal(network(inputs), plain(inputs))
    assert torch.equal(torch.random.get_rng_state(), random)  # and no random number is drawn
