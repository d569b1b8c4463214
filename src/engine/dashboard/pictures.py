"""Figures of pictures: a grid of images, the channels that a layer returns, and a figure as pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]


def images(pictures: Array, captions: Sequence[str], title: str, columns: int = 6) -> Figure:
    """Return pictures (N, C, H, W), grey or colour, uint8 or in [0, 1], each with a caption above it."""
    columns = min(columns, len(pictures))
    grid = Grid(-(-len(pictures) // columns), columns, title)
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=False)):
        grid.show(place, _shown(picture), caption, 255 if picture.dtype == np.uint8 else 1)
    return grid.figure


def feature_maps(picture: Array, maps: dict[str, Array], title: str, channels: int = 6) -> Figure:
    """Return a picture (C, H, W) and, a row for each layer, the first channels of what the layer makes of it (C, H, W).

    Every map has a scale of its own: black is its least value, white its greatest.
    """
    grid = Grid(len(maps), channels + 1, title, cell=0.85)
    grid.show(0, _shown(picture), "input")
    for row, (name, layer) in enumerate(maps.items()):
        for channel in range(min(channels, len(layer))):
            place = row * (channels + 1) + channel + 1
            grid.show(place, layer[channel], f"{name} #{channel}" if channel == 0 else f"#{channel}")
    return grid.figure


def _shown(picture: Array) -> Array:
    """Return (C, H, W) as matplotlib takes it: (H, W) if grey, else (H, W, 3)."""
    return picture[0] if len(picture) == 1 else np.moveaxis(picture[:3], 0, -1)


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
