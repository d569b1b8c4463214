"""One pass over the training images of MNIST as torchvision reads them: image by image.

python scripts/proofs/references/mnist_loader.py --root FOLDER    (holds MNIST/raw with the unpacked files)
"""

import argparse
import json
import time

from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def main() -> None:
    """Print the seconds of the pass."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--batch_size", type=int, default=64)
    options = parser.parse_args()

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    dataset = datasets.MNIST(options.root, train=True, transform=transform)
    loader = DataLoader(dataset, batch_size=options.batch_size, shuffle=True)
    begin = time.perf_counter()
    for _images, _labels in loader:
        pass
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "images": len(dataset), "what": "one pass over the training images"}))


if __name__ == "__main__":
    main()
