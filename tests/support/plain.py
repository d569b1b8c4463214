"""Modules and data as people write them for plain Lightning: ordinary loaders, iterable data, averaged weights."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

Batch = list[Tensor]


def rows(seed: int, count: int) -> TensorDataset:
    inputs = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(inputs, inputs.sum(1, keepdim=True))


class Data(LightningDataModule):
    """40 batches in an order that is drawn anew each epoch."""

    def __init__(self, num_workers: int = 0, batches: int = 40, shuffle: bool = True) -> None:
        super().__init__()
        self.shuffle = shuffle
        self.num_workers = num_workers
        self.batches = batches

    def train_dataloader(self) -> Any:
        workers = self.num_workers
        return DataLoader(rows(0, 4 * self.batches), batch_size=4, shuffle=self.shuffle, num_workers=workers)

    def val_dataloader(self) -> Any:
        return DataLoader(rows(1, 16), batch_size=8)

    def test_dataloader(self) -> Any:
        return DataLoader(rows(2, 16), batch_size=8)

    def predict_dataloader(self) -> Any:
        return DataLoader(rows(2, 16), batch_size=8)


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    """Samples without a known number; without an end if `samples` is None."""

    def __init__(self, samples: int | None) -> None:
        self.samples = samples

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        drawn = 0
        while self.samples is None or drawn < self.samples:
            inputs = torch.randn(4)
            yield inputs, inputs.sum().reshape(1)
            drawn += 1


class Streamed(Data):
    def __init__(self, samples: int | None = 160, num_workers: int = 0) -> None:
        super().__init__(num_workers)
        self.samples = samples

    def train_dataloader(self) -> Any:
        return DataLoader(Stream(self.samples), batch_size=4, num_workers=self.num_workers)


class Combined(Data):
    def train_dataloader(self) -> Any:
        return {"a": super().train_dataloader(), "b": super().train_dataloader()}


class Positioned:
    """A loader of unknown length that knows its position, by the protocol of Lightning."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.position = 0

    def __iter__(self) -> Iterator[Batch]:
        first, self.position = self.position, 0
        for number in range(first, self.batches):
            self.position = number + 1
            yield list(rows(number, 4).tensors)
        self.position = 0

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.position = state_dict["position"]


class Known(Data):
    def train_dataloader(self) -> Any:
        return Positioned(self.batches)


class Plain(LightningModule):
    """A small network that keeps what it has seen: the first input of each batch."""

    def __init__(self, batch_norm: bool = False) -> None:
        super().__init__()
        self.save_hyperparameters()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3) if batch_norm else nn.Tanh(), nn.Linear(3, 1))
        self.seen: list[float] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        inputs, targets = batch["a"] if isinstance(batch, Mapping) else batch
        self.seen.append(inputs[0, 0].item())
        loss = nn.functional.mse_loss(self.net(inputs), targets)
        self.log("train/loss", loss, on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("val/loss", nn.functional.mse_loss(self.net(batch[0]), batch[1]))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("test/loss", nn.functional.mse_loss(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.02, momentum=0.9)


class Slow(Plain):
    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        time.sleep(0.01)


class Partial(Plain):
    """Saves a part of its weights only."""

    def __init__(self) -> None:
        super().__init__()
        self.strict_loading = False
        self.net[0].requires_grad_(False)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        return {name: value for name, value in super().state_dict(*args, **kwargs).items() if "net.2" in name}


class Arrays(Plain):
    """Keeps arrays and numbers of numpy in its checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Any] = {"array": np.arange(6).reshape(2, 3), "numbers": [np.float64(0.5), np.int64(3)]}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["kept"] = self.kept

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.kept = checkpoint["kept"]
        assert type(self.kept["array"]) is np.ndarray
        assert self.kept["array"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert [type(number) for number in self.kept["numbers"]] == [np.float64, np.int64]


class Own:
    """An object that only a load that may run code brings back."""


class Objects(Plain):
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["kept"] = {"mine": [Own()]}
