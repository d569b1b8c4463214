"""What all figures share: size, colours and axes."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]

# Okabe and Ito 2008, "Color Universal Design": told apart with any colour vision. Blue is what the network says,
# orange what is true, grey the data.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#7F7F7F"
COLOURS = (BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", ORANGE, "#F0E442", "#000000")


def axes(title: str, x: str, y: str, size: tuple[float, float] = (5.6, 4.0)) -> tuple[Figure, Axes]:
    """Return a figure of one plot with its labels, at 100 pixels an inch: TensorBoard shows it without scaling.

    Figures are made without pyplot, which would keep every one of them.
    """
    figure = Figure(figsize=size, dpi=100)
    FigureCanvasAgg(figure)
    width, height = size
    # Margins in inches; a layout engine would double the time of a figure.
    plot = figure.add_axes((0.75 / width, 0.6 / height, 1 - 0.95 / width, 1 - 1.05 / height))
    plot.set_title(title, fontsize=11)
    plot.set_xlabel(x)
    plot.set_ylabel(y)
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.25)
    plot.set_axisbelow(True)
    return figure, plot


def grid(rows: int, columns: int, title: str, cell: float = 1.0) -> tuple[Figure, list[Axes]]:
    """Return a figure of rows x columns pictures without axes, each cell inches high, with room for a line above it."""
    height = rows * (cell + 0.28) + 0.45
    figure = Figure(figsize=(columns * (cell + 0.12) + 0.15, height), dpi=100)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11, y=1 - 0.08 / height, va="top")
    cells = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    figure.subplots_adjust(0.02, 0.04 / height, 0.98, 1 - 0.62 / height, wspace=0.08, hspace=0.3 / cell)
    for plot in cells:
        plot.axis("off")
    return figure, cells


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return a figure as an image uint8 (H, W, 3), and empty it.

    Its parts refer to each other, so that the collector would find them, and the memory of the canvas, only much later.
    """
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    image = np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
    figure.clear()
    del canvas.renderer
    return image


def shorten(name: str, length: int = 12) -> str:
    """Return a name cut to fit beside an axis."""
    return name if len(name) <= length else name[: length - 1] + "…"
