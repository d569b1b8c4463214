"""Multi-layer perceptron."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from app.networks.initialization import Scheme, initialize
from app.networks.layers import NoisyLinear, ReLUByHand

ACTIVATIONS = {
    "relu": nn.ReLU,
    "relu_by_hand": ReLUByHand,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "leaky_relu": nn.LeakyReLU,
}
LINEAR = {"plain": nn.Linear, "noisy": NoisyLinear}


class MLP(nn.Module):
    """Linear layers with an activation after each but the last; inputs of any shape (B, ...) are flattened.

    Args:
        in_features: Numbers in one input; by default as the data has.
        hidden_features: Width of each hidden layer; none gives a linear model.
        out_features: Numbers in one output; by default as the data has, else 1.
        activation: Function after each hidden layer; "relu_by_hand" is ReLU by an autograd function.
        dropout: Probability in [0, 1) of dropping a unit: one for all hidden layers, or one for each; without hidden
            layers, of dropping an input of the only layer.
        batch_norm: Normalize over the batch before each activation.
        init: How weights are drawn.
        linear: Kind of the linear layers; the weights of "noisy" ones are noisy in training.

    Raises:
        ValueError: If a width is not positive, or dropouts do not match the hidden layers.
    """

    def __init__(
        self,
        in_features: int | None = None,
        hidden_features: Sequence[int] = (),
        out_features: int | None = None,
        activation: Literal["relu", "relu_by_hand", "tanh", "sigmoid", "gelu", "silu", "leaky_relu"] = "relu",
        dropout: float | Sequence[float] = 0.0,
        batch_norm: bool = False,
        init: Scheme = "default",
        linear: Literal["plain", "noisy"] = "plain",
    ) -> None:
        super().__init__()
        widths = [in_features or 0, *hidden_features, 1 if out_features is None else out_features]
        if min(widths) < 1:
            raise ValueError(f"every layer of an MLP needs a unit or more: {'-'.join(map(str, widths))}")
        layers: list[nn.Module] = []
        if isinstance(dropout, float | int):
            if dropout and not hidden_features:  # as before the only linear layer of a convolutional network
                layers.append(nn.Dropout(dropout))
            dropout = [dropout] * len(hidden_features)
        if len(dropout) != len(hidden_features):
            raise ValueError(f"{len(dropout)} dropouts for {len(hidden_features)} hidden layers")
        for before, after, probability in zip(widths, widths[1:-1], dropout, strict=False):
            layers.append(LINEAR[linear](before, after))
            if batch_norm:
                layers.append(nn.BatchNorm1d(after))
            layers.append(ACTIVATIONS[activation]())
            if probability:
                layers.append(nn.Dropout(probability))
        self.layers = nn.Sequential(*layers, LINEAR[linear](widths[-2], widths[-1]))
        initialize(self, init)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, ...) with in_features numbers in each input to (B, out_features)."""
        outputs: Tensor = self.layers(inputs.flatten(1))
        return outputs
