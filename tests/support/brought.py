"""A module and a data module as tutorials of Lightning show them, and configs that train them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

CALLBACKS = "lightning.pytorch.callbacks."
MODULE = """
import lightning.pytorch as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(pl.LightningModule):
    def __init__(self, lr=0.05):
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.backbone = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        return self.head(self.backbone(x))

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = nn.functional.mse_loss(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val/loss", nn.functional.mse_loss(self(x), y))

    def test_step(self, batch, batch_idx):
        x, y = batch
        self.log("test/loss", nn.functional.mse_loss(self(x), y))

    def configure_optimizers(self):
        return torch.optim.SGD(filter(lambda p: p.requires_grad, self.parameters()), lr=self.lr)


class Data(pl.LightningDataModule):
    def __init__(self, batch_size=8):
        super().__init__()
        self.batch_size = batch_size

    def train_dataloader(self):
        x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
        return DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=self.batch_size)

    def val_dataloader(self):
        return self.train_dataloader()

    def test_dataloader(self):
        return self.train_dataloader()
"""


def callback(name: str, **arguments: Any) -> dict[str, Any]:
    """Return a callback as a config has it, Lightning's by its class alone."""
    return {"class_path": name if "." in name else CALLBACKS + name, "init_args": arguments}


def write(
    folder: Path,
    more: str = "",
    model: str = "Net",
    data: str | None = "Data",
    callbacks: Sequence[Mapping[str, Any]] = (),
    **trainer: Any,
) -> Path:
    """Write plain.py, with more in it, and plain.yaml, which trains it for two epochs; return the config."""
    (folder / "plain.py").write_text(MODULE + more)
    settings: dict[str, Any] = {
        "trainer": {"max_epochs": 2, **({"callbacks": list(callbacks)} if callbacks else {}), **trainer},
        "model": {"class_path": f"plain.{model}"},
        **({"data": {"class_path": f"plain.{data}"}} if data else {}),
    }
    (folder / "plain.yaml").write_text(yaml.safe_dump(settings))
    return folder / "plain.yaml"
