"""Measures of weights, gradients and activations that a history is made of."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

SAMPLE = 1000  # values of each parameter that say how far it has moved


def gradient_norms(task: nn.Module, optimizer: Optimizer) -> tuple[list[str], list[float], float]:
    """Return the names of weight matrices, the root mean square of the gradient of each, and the norm of all.

    Only parameters of the optimizer count: those of others have gradients of another step.
    """
    own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    found: list[tuple[str, Tensor]] = []
    norms: list[Tensor] = []
    for name, parameter in task.named_parameters():
        gradient = parameter.grad
        if gradient is None or id(parameter) not in own:
            continue
        found.append((name, parameter))
        norms.append(torch.linalg.vector_norm(gradient.detach()).float())
    if not norms:
        return [], [], 0.0
    numbers = torch.stack([norm.to(norms[0].device) for norm in norms]).tolist()
    matrices = [
        (name, norm / parameter.numel() ** 0.5)
        for (name, parameter), norm in zip(found, numbers, strict=True)
        if parameter.ndim > 1
    ]
    return [name for name, _ in matrices], [size for _, size in matrices], math.hypot(*numbers)


def weight_matrices(task: nn.Module) -> tuple[list[str], list[str]]:
    """Return which trained weight matrices hold only zeros, and in which all rows, one for each unit, are the same."""
    names: list[str] = []
    facts: list[Tensor] = []
    for name, weight in task.named_parameters():
        if weight.ndim > 1 and weight.requires_grad and not is_lazy(weight) and weight.numel():
            rows = weight.detach()[:8].flatten(1)
            alike = ((rows - rows[:1]).abs().max() <= 1e-5 * rows.abs().max()) & (len(weight) > 1)
            names.append(name)
            facts.append(torch.stack([~weight.detach().any(), alike]))
    zero, alike = torch.stack(facts).T.tolist() if facts else ([], [])
    return (
        [name for name, fact in zip(names, zero, strict=True) if fact],
        [name for name, fact in zip(names, alike, strict=True) if fact],
    )


def samples(task: nn.Module) -> list[Tensor]:
    """Return some values of each parameter; nothing while a lazy layer waits for its first batch."""
    parameters = list(task.parameters())
    if any(is_lazy(parameter) for parameter in parameters):
        return []
    return [p.detach().flatten()[:: 1 + p.numel() // SAMPLE].clone() for p in parameters]


def distance(before: Sequence[Tensor], now: Sequence[Tensor]) -> float | None:
    """Return how far values are from where they were, over their size then; None where that means nothing."""
    if not before or [part.shape for part in before] != [part.shape for part in now]:
        return None
    size = math.hypot(*torch.stack([torch.linalg.vector_norm(part).float() for part in before]).tolist())
    moves = [torch.linalg.vector_norm(new - old).float() for new, old in zip(now, before, strict=True)]
    return math.hypot(*torch.stack(moves).tolist()) / size if size > 0 else None


def units_active(output: object) -> list[bool] | None:
    """Return which units of a layer's output are above zero for any sample; None where it has no units.

    A unit is a column of (B, units) and of (B, T, units), a channel of (B, C, H, W).
    """
    if not isinstance(output, Tensor) or output.ndim < 2:
        return None
    units = output.detach().movedim(-1 if output.ndim == 3 else 1, 0)
    active: list[bool] = (units > 0).flatten(1).any(1).tolist()
    return active
