"""A module and a data module as tutorials show them, and a config with no setting of this project."""

import json
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

Batch = tuple[Tensor, Tensor]


def samples(count: int, seed: int) -> Dataset[Any]:
    inputs = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(inputs, inputs.sum(1, keepdim=True))


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return DataLoader(samples(40, 0), batch_size=8, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(samples(12, 1), batch_size=8)

    def test_dataloader(self) -> Any:
        return DataLoader(samples(12, 2), batch_size=8)

    def predict_dataloader(self) -> Any:
        return DataLoader(samples(12, 2), batch_size=8)


class TwoLoaders(Data):
    def val_dataloader(self) -> Any:
        return [DataLoader(samples(12, 1), batch_size=8), DataLoader(samples(20, 2), batch_size=8)]

    test_dataloader = predict_dataloader = val_dataloader


class Net(pl.LightningModule):
    def __init__(self, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(4, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.net(inputs)
        return outputs

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = nn.functional.mse_loss(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("val_loss", nn.functional.mse_loss(self(batch[0]), batch[1]))
        self.log("val_mae", nn.functional.l1_loss(self(batch[0]), batch[1]))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("test_loss", nn.functional.mse_loss(self(batch[0]), batch[1]))

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return self(batch[0])

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.01)


class NetOfTwo(Net):
    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        super().validation_step(batch, batch_idx)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        super().test_step(batch, batch_idx)

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Any:
        return super().predict_step(batch, batch_idx)


def config(module: type, data: type | None = Data, **trainer: Any) -> Path:
    """Write plain.yaml, which names classes and nothing of this project; return its path."""
    path = Path("plain.yaml")
    settings = {"model": {"class_path": _name(module)}, "trainer": {"max_epochs": 2, "accelerator": "cpu", **trainer}}
    if data is not None:
        settings["data"] = {"class_path": _name(data)}
    path.write_text(json.dumps(settings))
    return path


def read_json(name: str, version: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run(version) / name).read_text())
    return found


def run(version: int = 0) -> Path:
    return Path(f"lightning_logs/plain/version_{version}")


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
