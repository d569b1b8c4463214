"""CIFAR-10: ten kinds of things, 32 x 32 colour pixels."""

import torch
import torchvision
from torch import Tensor

from engine import DataError
from engine.data import TwoParts


class CIFAR10(TwoParts):
    """Images uint8 (N, 3, 32, 32) in [0, 255] and labels (N,), from the files in root/cifar-10-batches-py."""

    title = "CIFAR-10"
    class_names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    in_channels, image_size = 3, 32
    folder_name = "cifar-10-batches-py"
    contents = "the files of cifar-10-python.tar.gz, or the archive itself beside the folder"

    @property
    def complete(self) -> bool:
        """Whether the folder is there; torchvision looks into it."""
        return self.folder.is_dir()

    def download(self) -> None:
        """Download the archive, unless it is there, and unpack it."""
        torchvision.datasets.CIFAR10(str(self.root), download=True)

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Read the images to train or to test on."""
        try:
            dataset = torchvision.datasets.CIFAR10(str(self.root), train=train)
        except (OSError, RuntimeError) as error:
            raise DataError(f"a file in {self.folder} is missing or damaged") from error
        return torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(dataset.targets)
