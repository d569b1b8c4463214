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
    plot.set_title(title, fontsize=11, y=1.0)  # else its place is searched for, past ticks and labels
    plot.set_xlabel(x)
    plot.set_ylabel(y)
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.25)
    plot.set_axisbelow(True)
    return figure, plot


class Grid:
    """A figure of rows x columns pictures without axes, each with room for a caption above it.

    All are drawn into one plot, in units of inches: a plot for each would take most of the time of the figure.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        title: Of the figure.
        cell: Height and width of a picture in inches.
    """

    def __init__(self, rows: int, columns: int, title: str, cell: float = 1.0) -> None:
        """Start with the title alone."""
        self.cell = cell
        width, self.height = columns * (cell + 0.12) + 0.15, rows * (cell + 0.28) + 0.45
        self.figure = Figure(figsize=(width, self.height), dpi=100)
        FigureCanvasAgg(self.figure)
        self.figure.suptitle(title, fontsize=11, y=1 - 0.08 / self.height, va="top")
        self.plot = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, self.height), autoscale_on=False)
        self.plot.axis("off")

    def show(
        self, place: int, picture: Array, caption: str, least: float | None = None, most: float | None = None
    ) -> None:
        """Show a picture (H, W) or (H, W, 3) at a place, counted row by row; by default from its least to its most."""
        columns = round((self.figure.get_figwidth() - 0.15) / (self.cell + 0.12))
        row, column = divmod(place, columns)
        left, top = 0.13 + column * (self.cell + 0.12), self.height - 0.65 - row * (self.cell + 0.28)
        high, wide = (size / max(picture.shape[:2]) * self.cell for size in picture.shape[:2])
        x, y = left + (self.cell - wide) / 2, top - (self.cell - high) / 2
        place_of = (x, x + wide, y - high, y)
        least = None if most is None else 0.0
        self.plot.imshow(picture, cmap="gray", extent=place_of, aspect="auto", vmin=least, vmax=most)
        self.plot.text(left + self.cell / 2, top + 0.04, caption, fontsize=8, ha="center", va="bottom")


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
