"""MNIST: handwritten digits, 28 x 28 grey pixels."""

import contextlib
import gzip
import io
import math
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine import DataError, check_range
from engine.data.splits import TwoParts

FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


class MNIST(TwoParts):
    """Images uint8 (N, 1, 28, 28) in [0, 255] and labels (N,); validation is a stratified part of the training images.

    Args:
        root: Folder that holds MNIST/raw with the four files, packed (.gz) or not; downloaded there if missing.
        val_size: Number of the 60,000 training images to validate on.
        batch_size: Images in a batch.
        drop_last: Leave out a last training batch that is smaller.
        augment: Transforms of training images, in turn.
    """

    title = "MNIST"
    class_names = tuple(str(digit) for digit in range(10))

    def __init__(
        self,
        root: str = "~/.cache/torch/datasets",
        val_size: int = 5000,
        batch_size: int = 64,
        drop_last: bool = False,
        augment: list[nn.Module] | None = None,
    ) -> None:
        """Store the arguments."""
        super().__init__(batch_size, drop_last, augment)
        check_range("val_size", val_size, 1)
        self.root = Path(root).expanduser()
        self.raw = self.root / "MNIST" / "raw"
        self.val_size = val_size

    def facts(self) -> dict[str, Any]:
        """Return the sizes of images."""
        return {**super().facts(), "in_features": 784, "in_channels": 1, "image_size": 28}

    def prepare_data(self) -> None:
        """Download what is missing.

        Raises:
            DataError: If a file is missing and cannot be downloaded.
        """
        raw = self.raw
        if all((raw / name).is_file() or (raw / f"{name}.gz").is_file() for name in FILES):
            return
        try:
            import torchvision  # takes seconds, and is not needed again

            with contextlib.redirect_stdout(io.StringIO()):  # torchvision prints each mirror that it tries
                torchvision.datasets.MNIST(str(self.root), download=True)
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(
                f"MNIST is not in {raw} and cannot be downloaded ({reason}). "
                f"Put there, unpacked or as .gz, {', '.join(FILES)},\n"
                "or name a folder with MNIST/raw: --data.init_args.root FOLDER"
            ) from error

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Read the images to train or to test on."""
        part = "train" if train else "t10k"
        images, labels = self._file(f"{part}-images-idx3-ubyte"), self._file(f"{part}-labels-idx1-ubyte")
        if images.shape != (len(labels), 28, 28):
            raise DataError(f"a file in {self.raw} is damaged: {tuple(images.shape)} images, {len(labels)} labels")
        return images.unsqueeze(1), labels.long()

    def _file(self, name: str) -> Tensor:
        """Return the bytes of a file in the shape that it states: http://yann.lecun.com/exdb/mnist."""
        path, packed = self.raw / name, self.raw / f"{name}.gz"
        try:
            content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path if path.is_file() else packed} cannot be unpacked: {error}") from error
        dimensions = int(name.removesuffix("-ubyte")[-1])
        start = 4 * (1 + dimensions)
        header = [int.from_bytes(content[place : place + 4], "big") for place in range(0, start, 4)]
        if header[0] != 0x0800 + dimensions or len(content) != start + math.prod(header[1:]):
            raise DataError(f"a file in {self.raw} is damaged: {name} is not what its header says")
        return torch.frombuffer(bytearray(content[start:]), dtype=torch.uint8).view(header[1:])
