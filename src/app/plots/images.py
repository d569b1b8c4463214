"""Figures of pictures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from app.plots.style import Array, grid


def images(pictures: Array, captions: Sequence[str], title: str, columns: int = 6) -> Figure:
    """Return pictures (N, C, H, W), grey or colour, uint8 or in [0, 1], each with a caption above it."""
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, cells = grid(rows, columns, title)
    for cell, picture, caption in zip(cells, pictures, captions, strict=False):
        cell.imshow(_shown(picture), cmap="gray", vmin=0, vmax=255 if picture.dtype == np.uint8 else 1)
        cell.set_title(caption, fontsize=8, pad=2)
    return figure


def feature_maps(picture: Array, maps: dict[str, Array], title: str, channels: int = 6) -> Figure:
    """Return a picture (C, H, W) and, a row for each layer, the first channels of what the layer makes of it (C, H, W).

    Every map has a scale of its own: black is its least value, white its greatest.
    """
    figure, cells = grid(len(maps), channels + 1, title, cell=0.85)
    for row, (name, layer) in enumerate(maps.items()):
        line = cells[row * (channels + 1) : (row + 1) * (channels + 1)]
        if row == 0:
            line[0].imshow(_shown(picture), cmap="gray")
            line[0].set_title("input", fontsize=8, pad=2)
        for channel, cell in enumerate(line[1:]):
            if channel < len(layer):
                cell.imshow(layer[channel], cmap="gray")
                cell.set_title(f"{name} #{channel}" if channel == 0 else f"#{channel}", fontsize=8, pad=2)
    return figure


def _shown(picture: Array) -> Array:
    """Return (C, H, W) as matplotlib takes it: (H, W) if grey, else (H, W, 3)."""
    return picture[0] if len(picture) == 1 else np.moveaxis(picture[:3], 0, -1)
