"""One pass over images of CIFAR-10's size as torchvision reads and augments them: image by image.

python scripts/proofs/references/cifar10_loader.py [--root FOLDER]   (holds cifar-10-batches-py; default: random)
"""

import argparse
import json
import time

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms

TRANSFORM = transforms.Compose(
    [
        transforms.RandomCrop(32, padding=4),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261)),
    ]
)


class RandomImages(Dataset[tuple[Tensor, int]]):
    """As many images as CIFAR-10 has to train on, handled as torchvision's class does."""

    def __init__(self) -> None:
        """Draw the pixels."""
        self.data = np.random.default_rng(0).integers(0, 256, (50_000, 32, 32, 3), dtype=np.uint8)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return an image and its label."""
        return TRANSFORM(Image.fromarray(self.data[index])), index % 10


def main() -> None:
    """Print the seconds of the pass."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root")
    parser.add_argument("--batch_size", type=int, default=128)
    options = parser.parse_args()

    dataset = datasets.CIFAR10(options.root, transform=TRANSFORM) if options.root else RandomImages()
    loader = DataLoader(dataset, batch_size=options.batch_size, shuffle=True)
    begin = time.perf_counter()
    for _images, _labels in loader:
        pass
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "images": len(dataset), "what": "one pass over the training images"}))


if __name__ == "__main__":
    main()
