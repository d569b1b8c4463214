"""CIFAR-10: ten kinds of things, 32 x 32 colour pixels."""

import contextlib
import io
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from engine import DataError, check_range
from engine.data.splits import TwoParts

ARCHIVE = "cifar-10-python.tar.gz"


class CIFAR10(TwoParts):
    """Images uint8 (N, 3, 32, 32) in [0, 255] and labels (N,); validation is a stratified part of the training images.

    Args:
        root: Folder that holds cifar-10-batches-py, or its archive; downloaded there if missing.
        val_size: Number of the 50,000 training images to validate on.
        batch_size: Images in a batch.
        drop_last: Leave out a last training batch that is smaller.
        augment: Transforms of training images, in turn.
    """

    title = "CIFAR-10"
    class_names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def __init__(
        self,
        root: str = "~/.cache/torch/datasets",
        val_size: int = 5000,
        batch_size: int = 128,
        drop_last: bool = False,
        augment: list[nn.Module] | None = None,
    ) -> None:
        """Store the arguments."""
        super().__init__(batch_size, drop_last, augment)
        check_range("val_size", val_size, 1)
        self.root = Path(root).expanduser()
        self.val_size = val_size

    def facts(self) -> dict[str, Any]:
        """Return the sizes of images."""
        return {**super().facts(), "in_channels": 3, "image_size": 32}

    def prepare_data(self) -> None:
        """Download what is missing.

        Raises:
            DataError: If it is missing and cannot be downloaded.
        """
        if (self.root / "cifar-10-batches-py").is_dir():
            return
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                torchvision.datasets.CIFAR10(str(self.root), download=True)
        except (OSError, RuntimeError) as error:
            raise DataError(
                f"CIFAR-10 is not in {self.root} and cannot be downloaded. Put there the folder cifar-10-batches-py\n"
                f"or {ARCHIVE}, which holds it; or name a folder that has it: --data.init_args.root FOLDER"
            ) from error

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Read the images to train or to test on."""
        try:
            dataset = torchvision.datasets.CIFAR10(str(self.root), train=train)
        except (OSError, RuntimeError) as error:
            raise DataError(f"a file in {self.root / 'cifar-10-batches-py'} is missing or damaged") from error
        return torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(dataset.targets)
