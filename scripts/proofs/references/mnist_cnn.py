"""A small convolutional network on MNIST, trained by a loop as it is written by hand: image by image through ToTensor.

python scripts/proofs/references/mnist_cnn.py --root FOLDER    (holds MNIST/raw with the unpacked files)
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms


def main() -> None:
    """Train, and print the seconds of the loop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()

    torch.manual_seed(0)
    images = Subset(datasets.MNIST(options.root, train=True, transform=transforms.ToTensor()), range(55_000))
    loader = DataLoader(images, batch_size=64, shuffle=True)
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()

    begin = time.perf_counter()
    for epoch in range(options.epochs):
        total = 0.0
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = criterion(network(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}")
    print(json.dumps({"seconds": time.perf_counter() - begin, "what": "the loop"}))


if __name__ == "__main__":
    main()
