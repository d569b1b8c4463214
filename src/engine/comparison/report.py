"""Report of a comparison: Markdown, a page for the browser, and figures."""

from collections.abc import Sequence
from pathlib import Path

from engine.comparison.compare import Comparison


def write(
    comparison: Comparison,
    folder: Path,
    title: str = "Comparison of runs",
    name: str = "comparison",
    figures: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> list[Path]:
    """Write NAME.md, NAME.html and figures/*.svg and *.png into a folder, and return the paths of the first two.

    Args:
        comparison: What to report.
        folder: Made if it is missing; files of the same names are replaced.
        title: Heading.
        name: Of the files.
        figures: Logged numbers whose curves are drawn, by name or its last part: val/accuracy, gradient_norm. Empty:
            losses, metrics, learning rate, gradient norm and weight norm, as far as they were logged.
        notes: Paragraphs below the heading, plain text: what to see in it.

    Raises:
        UsageError: If a figure is asked for that no run has logged, naming the nearest.
    """
    raise NotImplementedError
