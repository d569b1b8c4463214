"""MNIST: handwritten digits, 28 x 28 grey pixels."""

import contextlib
import gzip
import io
import tempfile
from pathlib import Path
from typing import Any

import torchvision
from torch import Tensor, nn

from app.bounds import check
from app.data.memory import InMemory, Split
from app.data.splits import divide
from app.errors import DataError

FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


class MNIST(InMemory):
    """Images uint8 (N, 1, 28, 28) in [0, 255] and labels (N,); validation is a stratified part of the training images.

    Args:
        root: Folder that holds MNIST/raw with the four files, packed (.gz) or not; downloaded there if missing.
        val_size: Number of the 60,000 training images to validate on.
        batch_size: Images in a batch.
        drop_last: Leave out a last training batch that is smaller.
        augment: Transforms of training images, in turn.
    """

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
        check("val_size", val_size, 1)
        self.root = Path(root).expanduser()
        self.val_size = val_size

    def facts(self) -> dict[str, Any]:
        """Return the sizes of images."""
        return {**super().facts(), "in_features": 784, "in_channels": 1, "image_size": 28}

    def prepare_data(self) -> None:
        """Download what is missing.

        Raises:
            DataError: If a file is missing and cannot be downloaded.
        """
        raw = self.root / "MNIST" / "raw"
        if all((raw / name).is_file() or (raw / f"{name}.gz").is_file() for name in FILES):
            return
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # torchvision prints each mirror that it tries
                torchvision.datasets.MNIST(str(self.root), download=True)
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(
                f"MNIST is not in {raw} and cannot be downloaded ({reason}). "
                f"Put there, unpacked or as .gz, {', '.join(FILES)},\n"
                "or name a folder with MNIST/raw: --data.init_args.root FOLDER"
            ) from error

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Read a split; validation and training share the training files, never an image."""
        images, labels = self._read(train=split != "test")
        if split == "test":
            return images, labels
        chosen = divide(labels, len(labels), {"val": (self.val_size, 0)}, "MNIST", self.class_names)[split]
        return images[chosen], labels[chosen]

    def _read(self, train: bool) -> tuple[Tensor, Tensor]:
        with tempfile.TemporaryDirectory() as folder:
            root = self.root if self._unpacked() else self._unpack(Path(folder))
            try:
                dataset = torchvision.datasets.MNIST(str(root), train=train)
            except (OSError, RuntimeError, ValueError, AssertionError) as error:
                raise DataError(
                    f"a file in {self.root / 'MNIST' / 'raw'} is damaged: {error or 'wrong size'}"
                ) from error
        return dataset.data.unsqueeze(1), dataset.targets

    def _unpacked(self) -> bool:
        return all((self.root / "MNIST" / "raw" / name).is_file() for name in FILES)

    def _unpack(self, folder: Path) -> Path:
        """Unpack into a folder of our own: the user's may be read-only, and is theirs."""
        source, target = self.root / "MNIST" / "raw", folder / "MNIST" / "raw"
        target.mkdir(parents=True)
        for name in FILES:
            packed = source / f"{name}.gz"
            try:
                with (gzip.open if packed.is_file() else Path.open)(
                    packed if packed.is_file() else source / name, "rb"
                ) as file:
                    (target / name).write_bytes(file.read())
            except (OSError, EOFError) as error:
                raise DataError(f"{packed} cannot be unpacked: {error}") from error
        return folder
