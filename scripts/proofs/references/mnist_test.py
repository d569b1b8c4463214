"""Accuracy of the network of configs/mnist_cnn.yaml on MNIST's 10,000 test images, by an evaluation loop.

python scripts/proofs/references/mnist_test.py --root FOLDER --checkpoint RUN/checkpoints/best.ckpt
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def main() -> None:
    """Print loss, accuracy and the seconds of reading and evaluating."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--checkpoint", type=Path, required=True, help="of a run of configs/mnist_cnn.yaml")
    parser.add_argument("--batch_size", type=int, default=64)
    options = parser.parse_args()

    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )
    state = torch.load(options.checkpoint, weights_only=True)["state_dict"]
    weights = [value for name, value in state.items() if name.startswith("network.")]
    network.load_state_dict(dict(zip(network.state_dict(), weights, strict=True)))
    network.eval()

    begin = time.perf_counter()
    normalize = transforms.Normalize(state["inputs.mean"].tolist(), state["inputs.std"].tolist())
    dataset = datasets.MNIST(
        options.root, train=False, transform=transforms.Compose([transforms.ToTensor(), normalize])
    )
    loss, correct = 0.0, 0
    with torch.no_grad():
        for images, labels in DataLoader(dataset, batch_size=options.batch_size):
            logits = network(images)
            loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
            correct += (logits.argmax(1) == labels).sum().item()
    seconds = time.perf_counter() - begin
    scores = {"loss": loss / len(dataset), "accuracy": correct / len(dataset)}
    print(json.dumps({"seconds": seconds, **scores, "what": "reading and evaluating the test images"}))


if __name__ == "__main__":
    main()
