"""Bounds of arguments."""

import math


def check(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a value outside [low, high].

    Raises:
        ValueError: Naming argument and value.
    """
    if not low <= value <= high:  # true of NaN as well
        wanted = f"at least {low}" if high == math.inf else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be {wanted}: {value}")
