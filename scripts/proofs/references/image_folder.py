"""Trains the network of configs/image_folder.yaml on a folder of images with torchvision's transforms.

python scripts/proofs/references/image_folder.py --root FOLDER    (holds train/CLASS/*.jpg)
"""

import argparse
import json
import os
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

NORMALIZE = [transforms.ToTensor(), transforms.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261))]
AUGMENT = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]


def block(before: int, after: int) -> list[nn.Module]:
    """Return a convolution that halves height and width."""
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]


def main() -> None:
    """Train, validate after each epoch, and print the seconds of it all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch_size", type=int, default=64)
    options = parser.parse_args()
    torch.manual_seed(0)

    begin = time.perf_counter()
    folder = options.root / "train"
    augmented = datasets.ImageFolder(str(folder), transforms.Compose(AUGMENT + NORMALIZE))
    plain = datasets.ImageFolder(str(folder), transforms.Compose(NORMALIZE))
    order, count = torch.randperm(len(plain)).tolist(), len(plain) // 10
    train, val = Subset(augmented, order[count:]), Subset(plain, order[:count])
    settings = {"batch_size": options.batch_size, "num_workers": os.cpu_count(), "persistent_workers": True}
    train_loader, val_loader = DataLoader(train, shuffle=True, **settings), DataLoader(val, **settings)

    network = nn.Sequential(
        *(block(3, 32) + block(32, 64) + block(64, 128)),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(256, len(plain.classes)),
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=options.epochs * len(train_loader))
    for _ in range(options.epochs):
        network.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(images), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
        network.eval()
        with torch.no_grad():
            correct = sum(int((network(images).argmax(1) == labels).sum()) for images, labels in val_loader)
        print(f"accuracy {correct / len(val):.4f}", flush=True)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "what": f"{options.epochs} epochs of training and validation"}))


if __name__ == "__main__":
    main()
