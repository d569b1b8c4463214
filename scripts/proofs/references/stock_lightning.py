"""The product of two numbers with Lightning as its first examples show it: a default Trainer, self.log, a DataLoader.

python scripts/proofs/references/stock_lightning.py [--epochs 1000]
"""

import argparse
import json
import logging
import time
import warnings

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Product(pl.LightningModule):
    """A small network."""

    def __init__(self) -> None:
        """Build it."""
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))

    def training_step(self, batch: list[Tensor]) -> Tensor:
        """Return and log the loss."""
        loss = nn.functional.mse_loss(self.network(batch[0]), batch[1])
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: list[Tensor]) -> None:
        """Log the loss."""
        self.log("val_loss", nn.functional.mse_loss(self.network(batch[0]), batch[1]), prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def split(size: int) -> TensorDataset:
    """Return pairs of numbers and their products, standardized."""
    x = 1 + 9 * torch.rand(size, 2)
    y = x.prod(1, keepdim=True)
    return TensorDataset((x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std())


def main() -> None:
    """Train, and print the seconds of `fit`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    pl.seed_everything(0, verbose=False)
    train, val = DataLoader(split(1000), batch_size=100, shuffle=True), DataLoader(split(200), batch_size=100)
    trainer = pl.Trainer(max_epochs=options.epochs, check_val_every_n_epoch=10)
    begin = time.perf_counter()
    trainer.fit(Product(), train, val)
    print("\n" + json.dumps({"seconds": time.perf_counter() - begin, "what": "fit"}))


if __name__ == "__main__":
    main()
