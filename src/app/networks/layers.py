"""Layers of one's own: a linear layer with noise, and ReLU by an autograd function."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class NoisyLinear(nn.Linear):
    """Linear layer whose weights are noisy in training, by as much as it learns; without noise in evaluation.

    y = (W + S_w * e_w) x + b + S_b * e_b with factorised Gaussian noise: e_w = f(e_out) f(e_in)^T, e_b = f(e_out),
    f(e) = sign(e) sqrt(|e|). It is drawn anew in every call, for a whole batch; W and b begin as those of nn.Linear.

    Source: Fortunato et al. 2017, "Noisy Networks for Exploration", arXiv:1706.10295, equations 9 to 11.

    Args:
        in_features: Numbers in one input.
        out_features: Numbers in one output.
        sigma: Deviation of the noise at the start, times the square root of in_features.
    """

    def __init__(self, in_features: int, out_features: int, sigma: float = 0.5) -> None:
        super().__init__(in_features, out_features)
        start = sigma / in_features**0.5
        self.weight_sigma = nn.Parameter(torch.full((out_features, in_features), start))
        self.bias_sigma = nn.Parameter(torch.full((out_features,), start))

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        if not self.training:
            return super().forward(input)
        columns, rows = (self._noise(size) for size in (self.in_features, self.out_features))
        weight = self.weight + self.weight_sigma * rows.outer(columns)
        return functional.linear(input, weight, self.bias + self.bias_sigma * rows)

    def _noise(self, size: int) -> Tensor:
        """Return f(e) of normal numbers (size,), drawn from PyTorch's own generator, which a resume restores."""
        normal = torch.randn(size, device=self.weight.device, dtype=self.weight.dtype)
        return normal.sign() * normal.abs().sqrt()


class ReLUByHand(nn.ReLU):
    """ReLU whose gradient is written by hand, as an example of an autograd function: the numbers of nn.ReLU."""

    def forward(self, input: Tensor) -> Tensor:
        """Return each number of (...), or 0 where it is negative."""
        outputs: Tensor = _ReLU.apply(input)
        return outputs


class _ReLU(torch.autograd.Function):
    """max(x, 0), whose derivative is 1 where x > 0, and 0 elsewhere."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        """Return max(x, 0), and keep it for the gradient."""
        outputs = inputs.clamp_min(0)
        ctx.save_for_backward(outputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Pass the gradient on where the output is positive."""
        outputs: Tensor = ctx.saved_tensors[0]
        return gradient * (outputs > 0)
