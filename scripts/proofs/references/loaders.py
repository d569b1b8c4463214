"""Times parts of the project that are compared with the scripts beside it; prints a JSON line.

python scripts/proofs/references/loaders.py mnist --root FOLDER      a pass over the training images, to floats
python scripts/proofs/references/loaders.py cifar10 [--root FOLDER]  the same, cropped and flipped; default: random
"""

# The package has no py.typed: seen from here, its classes are of any type.
# mypy: disable-error-code="import-untyped,misc"

import argparse
import json
import time

import torch
from torch import Tensor

from app.data.augmentation import Crop, Flip
from app.data.cifar10 import CIFAR10
from app.data.mnist import MNIST
from app.networks import Standardizer
from app.tasks.inputs import scale
from engine.data import InMemory, Split


class RandomImages(InMemory):
    """As many images as CIFAR-10 has to train on."""

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Draw the pixels."""
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (50_000, 3, 32, 32), dtype=torch.uint8, generator=generator)
        return images, torch.arange(len(images)) % 10


def seconds(data: InMemory, standardizer: Standardizer) -> tuple[float, int]:
    """Return the seconds that a pass over the training split takes, and its images."""
    data.setup("fit")
    loader = data.train_dataloader()
    begin = time.perf_counter()
    for images, _ in loader:
        standardizer(scale(data.augment(images) if data.augment else images))
    return time.perf_counter() - begin, len(loader.dataset)


def mnist(root: str) -> tuple[float, int]:
    """Return the seconds of a pass over MNIST, and its images."""
    return seconds(MNIST(root, batch_size=64), Standardizer([0.1307], [0.3081]))


def cifar10(root: str | None) -> tuple[float, int]:
    """Return the seconds of a pass over CIFAR-10 with crop and flip, and its images."""
    augment = [Crop(), Flip()]
    data = CIFAR10(root, batch_size=128, augment=augment) if root else RandomImages(128, augment=augment)
    return seconds(data, Standardizer([0.4914, 0.4822, 0.4465], [0.247, 0.243, 0.261]))


def main() -> None:
    """Time what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["mnist", "cifar10"])
    parser.add_argument("--root")
    options = parser.parse_args()
    took, images = mnist(options.root) if options.data == "mnist" else cifar10(options.root)
    print(json.dumps({"seconds": took, "images": images, "what": "one pass over the training images"}))


if __name__ == "__main__":
    main()
