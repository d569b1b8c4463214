"""Figures of pictures: a grid of images, the channels that a layer returns, and a figure as pixels."""

import textwrap
import unicodedata
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]
LINE = 0.125  # inches, height of a line of a caption


def images(pictures: Array, captions: Sequence[str], title: str, columns: int = 6) -> Figure:
    """Return pictures (N, C, H, W), grey or colour, each with a caption above it.

    Black is 0; white is 255 for uint8 and 1 for floats in [0, 1]. Other floats are shown from the least to the greatest
    of all of them, and the title says so.
    """
    columns = min(columns, len(pictures))
    captions = [wrapped(caption) for caption in captions]
    lines = max(caption.count("\n") + 1 for caption in captions)
    scaled, note = _in_unit_range(pictures)
    grid = Grid(-(-len(pictures) // columns), columns, title + note, lines=lines)
    for place, (picture, caption) in enumerate(zip(scaled, captions, strict=False)):
        grid.show(place, _channels_last(picture), caption, 0, 1)
    return grid.figure


def feature_maps(picture: Array, maps: dict[str, Array], title: str, channels: int = 6) -> Figure:
    """Return a picture (C, H, W) and, a row for each layer, the first channels of what the layer makes of it (C, H, W).

    Every map has a scale of its own: black is its minimum, white its maximum.
    """
    scaled, note = _in_unit_range(picture)
    grid = Grid(len(maps), channels + 1, title + note.replace("black", "input: black"), cell=0.85)
    grid.show(0, _channels_last(scaled), "input", 0, 1)
    for row, (name, layer) in enumerate(maps.items()):
        for channel in range(min(channels, len(layer))):
            place, values = row * (channels + 1) + channel + 1, layer[channel]
            caption = f"{name} #{channel}" if channel == 0 else f"#{channel}"
            grid.show(place, values, caption, float(values.min()), float(values.max()))
    return grid.figure


def wrapped(caption: str, width: int = 18) -> str:
    """Return a caption in lines of at most so many letters, half as many where they are Chinese; of three at most."""
    wide = any(unicodedata.east_asian_width(letter) in "WF" for letter in caption)
    return textwrap.fill(caption, width // 2 if wide else width, max_lines=3, placeholder="…")


def _in_unit_range(pictures: Array) -> tuple[Array, str]:
    """Return pictures as floats in [0, 1], and a note for the title if their values had to be rescaled."""
    if pictures.dtype == np.uint8:
        return pictures / np.float32(255), ""
    low, high = float(pictures.min()), float(pictures.max())
    if low >= -1e-6 and high <= 1 + 1e-6:
        return pictures.clip(0, 1), ""
    return (pictures - low) / ((high - low) or 1), f"\nblack is {low:.3g}, white {high:.3g}"


def _channels_last(picture: Array) -> Array:
    """Return (C, H, W) as matplotlib takes it: (H, W) if grey, else (H, W, 3)."""
    return np.moveaxis(picture, 0, -1) if len(picture) == 3 else picture[0]


class Grid:
    """A figure of rows x columns pictures without axes, each with room for a caption above it.

    All are drawn into one plot, in units of inches: a plot for each would take most of the time of the figure.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        title: Of the figure, one line or two.
        cell: Height and width of a picture in inches.
        lines: Of the longest caption.
    """

    def __init__(self, rows: int, columns: int, title: str, cell: float = 1.0, lines: int = 1) -> None:
        self.columns, self.cell = columns, cell
        self.gap = 0.155 + LINE * lines
        self.top = 0.37 + 0.2 * title.count("\n")
        width, self.height = max(columns * (cell + 0.12) + 0.15, 4.2), rows * (cell + self.gap) + self.top + 0.08
        self.figure = Figure(figsize=(width, self.height), dpi=100)
        FigureCanvasAgg(self.figure)
        self.figure.suptitle(title, fontsize=11, y=1 - 0.08 / self.height, va="top")
        self.plot = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, self.height), autoscale_on=False)
        self.plot.axis("off")

    def show(self, place: int, picture: Array, caption: str, black: float, white: float) -> None:
        """Show a picture at a place, counted row by row.

        Args:
            place: Number of the place.
            picture: Grey values (H, W), or colours (H, W, 3) in [0, 1].
            caption: Above the picture.
            black: Grey value that is shown black.
            white: Grey value that is shown white.
        """
        row, column = divmod(place, self.columns)
        left = 0.13 + column * (self.cell + 0.12)
        top = self.height - self.top - self.gap - row * (self.cell + self.gap) + 0.06
        high, wide = (size / max(picture.shape[:2]) * self.cell for size in picture.shape[:2])
        x, y = left + (self.cell - wide) / 2, top - (self.cell - high) / 2
        self.plot.imshow(picture, cmap="gray", extent=(x, x + wide, y - high, y), aspect="auto", vmin=black, vmax=white)
        self.plot.text(left + self.cell / 2, top + 0.04, caption, fontsize=7.5, ha="center", va="bottom")


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return a figure as an image uint8 (H, W, 3), and empty it.

    Its parts refer to each other, so that the collector would find them, and the memory of the canvas, only much later.
    """
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # one line has said so
        canvas.draw()  # type: ignore[no-untyped-call]
    image = np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
    figure.clear()
    del canvas.renderer
    return image
