"""The product of two numbers, learned by a loop as it is written by hand.

python scripts/proofs/references/product.py [--dataloader] [--epochs 1000]
"""

import argparse
import json
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def slices(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches in a random order."""
    order = torch.randperm(len(x))
    for i in range(0, len(x), 100):
        index = order[i : i + 100]
        yield x[index], y[index]


def main() -> None:
    """Train, and print the seconds of the loop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--dataloader", action="store_true", help="batches from a DataLoader in place of index slices")
    options = parser.parse_args()

    torch.manual_seed(0)
    x = 1 + 9 * torch.rand(1000, 2)
    y = x.prod(1, keepdim=True)
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    network = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    loader = DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True)

    begin = time.perf_counter()
    for epoch in range(options.epochs):
        total = 0.0
        for inputs, targets in loader if options.dataloader else slices(x, y):
            optimizer.zero_grad()
            loss = criterion(network(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1}: loss {total / 10:.4f}")
    print(json.dumps({"seconds": time.perf_counter() - begin, "what": "the loop"}))


if __name__ == "__main__":
    main()
