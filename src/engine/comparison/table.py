"""Comparison as tables on the console."""

from engine.comparison.compare import Comparison


def show(comparison: Comparison, everything: bool = False) -> None:
    """Print a row for each group, the differences to the baseline, what is left out and the warnings.

    Args:
        comparison: What to print.
        everything: Show all settings of a group, not only those that differ between groups.
    """
    raise NotImplementedError
