"""Functions to minimize: each maps variables (..., n) to values (...)."""

from torch import Tensor


def quartic(variables: Tensor) -> Tensor:
    """Return x^4 - 3 x^3 + 2: the minimum is at x = 9/4, and the slope is 0 at x = 0 too."""
    x = variables[..., 0]
    return x**4 - 3 * x**3 + 2


def rosenbrock(variables: Tensor) -> Tensor:
    """Return (1 - x)^2 + 100 (y - x^2)^2: a curved valley with steep sides, whose minimum is 0 at (1, 1).

    Source: Rosenbrock 1960, "An automatic method for finding the greatest or least value of a function".
    """
    x, y = variables.unbind(-1)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2
