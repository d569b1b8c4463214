"""Image files: rows of a tensor that are decoded on demand."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.data.decoding import Fit, Map, fill


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
        self.map: Map = ThreadPoolExecutor(count).map if count else map

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
        fill(images.transpose(0, 2, 3, 1), files, self.fit, self.map)
        return torch.from_numpy(images)
