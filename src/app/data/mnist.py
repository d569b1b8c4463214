"""MNIST: handwritten digits, 28 x 28 grey pixels."""

import gzip
import math
import zlib

import torch
from torch import Tensor

from engine import DataError
from engine.data import TwoParts

FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


class MNIST(TwoParts):
    """Images uint8 (N, 1, 28, 28) in [0, 255] and labels (N,), from the four files in root/MNIST/raw, packed or not."""

    title = "MNIST"
    class_names = tuple(str(digit) for digit in range(10))
    in_channels, image_size = 1, 28
    folder_name = "MNIST/raw"
    contents = f"unpacked or as .gz {', '.join(FILES)}"

    @property
    def complete(self) -> bool:
        """Whether all files are there."""
        return all((self.folder / name).is_file() or (self.folder / f"{name}.gz").is_file() for name in FILES)

    def download(self) -> None:
        """Download the files."""
        import torchvision  # takes seconds, and is not needed again

        torchvision.datasets.MNIST(str(self.root), download=True)

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Read the images to train or to test on."""
        part = "train" if train else "t10k"
        images, labels = self._file(f"{part}-images-idx3-ubyte"), self._file(f"{part}-labels-idx1-ubyte")
        if images.shape != (len(labels), 28, 28):
            raise DataError(f"a file in {self.folder} is damaged: {tuple(images.shape)} images, {len(labels)} labels")
        return images.unsqueeze(1), labels.long()

    def _file(self, name: str) -> Tensor:
        """Return the bytes of a file in the shape that it states: http://yann.lecun.com/exdb/mnist."""
        path, packed = self.folder / name, self.folder / f"{name}.gz"
        try:
            content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path if path.is_file() else packed} cannot be unpacked: {error}") from error
        dimensions = int(name.removesuffix("-ubyte")[-1])
        start = 4 * (1 + dimensions)
        header = [int.from_bytes(content[place : place + 4], "big") for place in range(0, start, 4)]
        if header[0] != 0x0800 + dimensions or len(content) != start + math.prod(header[1:]):
            raise DataError(f"a file in {self.folder} is damaged: {name} is not what its header says")
        return torch.frombuffer(bytearray(content[start:]), dtype=torch.uint8).view(header[1:])
