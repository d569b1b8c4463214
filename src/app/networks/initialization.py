"""Weight initialization by name."""

from typing import Literal

from torch import nn

Scheme = Literal["default", "xavier_uniform", "kaiming_normal", "zeros", "large"]


def initialize(network: nn.Module, scheme: Scheme) -> None:
    """Draw the weights of all linear and convolution layers anew, biases zero; "default" leaves PyTorch's own.

    Two show what goes wrong: with "zeros" all units of a layer stay alike; "large", a standard deviation of 1, scales
    activations and gradients up from layer to layer.

    Sources: Glorot and Bengio 2010 (xavier_uniform), He et al. 2015 (kaiming_normal, gain for ReLU).
    """
    if scheme == "default":
        return
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            if scheme == "xavier_uniform":
                nn.init.xavier_uniform_(layer.weight)
            elif scheme == "zeros":
                nn.init.zeros_(layer.weight)
            elif scheme == "large":
                nn.init.normal_(layer.weight)
            else:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
