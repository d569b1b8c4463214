"""Image files: rows of a tensor that are decoded on demand."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from engine.errors import DataError

Fit = Literal["resize", "crop", "pad"]
WAYS: dict[Fit, Callable[..., Any]] = {"resize": Image.Image.resize, "crop": ImageOps.fit, "pad": ImageOps.pad}
CHUNK = 16  # images that a thread decodes at a time: to hand over single ones takes half as long as to decode them


class ImageFiles:
    """Stands for a tensor uint8 (N, 3, size, size) in [0, 255], of which slices and selections exist only on demand.

    Args:
        files: Image files of any size and mode.
        size: Height and width that every image is brought to, in pixels.
        fit: How: "resize" changes the shape, "crop" cuts the longer side, "pad" fills the shorter one with black.
        threads: Threads that decode, outside Python's lock; 0 for none but the caller's, by default one a core.
    """

    def __init__(self, files: Sequence[Path], size: int, fit: Fit, threads: int | None = None) -> None:
        self.files = files
        self.shape = (len(files), 3, size, size)
        self.fit = fit
        count = os.cpu_count() if threads is None else threads
        self.map: Callable[..., Iterable[None]] = ThreadPoolExecutor(count).map if count else map

    def size(self, dimension: int) -> int:
        """Return the length of a dimension."""
        return self.shape[dimension]

    def __getitem__(self, rows: slice) -> Tensor:
        """Decode a range of images."""
        return self._decode(self.files[rows])

    def index_select(self, dimension: int, index: Tensor) -> Tensor:
        """Decode images in any order."""
        return self._decode([self.files[row] for row in index.tolist()])

    def _decode(self, files: Sequence[Path]) -> Tensor:
        # Not a tensor yet: inference mode would hold in this thread, and not in those that fill it.
        images = np.empty((len(files), *self.shape[1:]), dtype=np.uint8)

        def fill(start: int) -> None:
            for row, file in enumerate(files[start : start + CHUNK], start):
                images[row] = decode(file, self.shape[2], self.fit).numpy()

        list(self.map(fill, range(0, len(files), CHUNK)))
        return torch.from_numpy(images)


def decode(file: Path, size: int, fit: Fit) -> Tensor:
    """Return an image file as uint8 (3, size, size) in [0, 255].

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with Image.open(file) as image:
            ImageOps.exif_transpose(image, in_place=True)
            colours = _eight_bits(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} is not an image that can be read: {error}") from error
    if colours.size != (size, size):
        colours = WAYS[fit](colours, (size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(colours)).permute(2, 0, 1)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a grey image of 16 bits in 8, which Pillow would clip instead; any other as it is."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.float64).clip(0, 65535) / 257).round().astype(np.uint8))
