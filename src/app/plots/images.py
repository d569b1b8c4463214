"""Figures of pictures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from app.plots.style import Array, Grid


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
