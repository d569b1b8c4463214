"""LightningModules and LightningDataModules as tutorials show them: they know nothing of this project."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

Batch = Sequence[Tensor]
Loader = DataLoader[Any]


def houses(seed: int, count: int = 20) -> TensorDataset:
    """Return sizes and prices."""
    x = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, x @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]]))


class HousesData(LightningDataModule):
    def __init__(self, batch_size: int = 4) -> None:
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage: str) -> None:
        self.train_set, self.val_set, self.test_set = houses(1), houses(2), houses(3)

    def train_dataloader(self) -> Loader:
        return DataLoader(self.train_set, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val_set, batch_size=self.batch_size)

    def test_dataloader(self) -> Any:
        return DataLoader(self.test_set, batch_size=self.batch_size)

    def predict_dataloader(self) -> Any:
        return DataLoader(self.test_set, batch_size=self.batch_size)


class LitRegressor(LightningModule):
    """The module of every first tutorial."""

    def __init__(self, hidden: int = 8, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, 1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.net(x)
        return y

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        x, y = batch
        loss = F.mse_loss(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        x, y = batch
        self.log("val_loss", F.mse_loss(self(x), y), prog_bar=True)

    def test_step(self, batch: Batch, batch_idx: int) -> Any:
        x, y = batch
        self.log("test_loss", F.mse_loss(self(x), y))

    def predict_step(self, batch: Batch, batch_idx: int) -> Any:
        x, _ = batch
        return self(x)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


class TrainingOnly(LightningModule):
    """No validation."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.net(x)
        return y

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        x, y = batch
        loss = F.l1_loss(self(x), y)
        self.log("loss", loss, prog_bar=True)
        return loss

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("mae", F.l1_loss(self(batch[0]), batch[1]))

    def predict_step(self, batch: Batch, batch_idx: int) -> Any:
        return self(batch[0])

    def configure_optimizers(self) -> Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


class TrainingOnlyData(LightningDataModule):
    def train_dataloader(self) -> Loader:
        return DataLoader(houses(1), batch_size=4, shuffle=True)

    def test_dataloader(self) -> Loader:
        return DataLoader(houses(3), batch_size=4)

    def predict_dataloader(self) -> Loader:
        return DataLoader(houses(3), batch_size=4)


class OwnLoaders(LitRegressor):
    """Its loaders are in the module; there is no data module."""

    def train_dataloader(self) -> Loader:
        return DataLoader(houses(1), batch_size=4, shuffle=True)

    def val_dataloader(self) -> Loader:
        return DataLoader(houses(2), batch_size=4)

    def test_dataloader(self) -> Loader:
        return DataLoader(houses(3), batch_size=4)

    def predict_dataloader(self) -> Loader:
        return DataLoader(houses(3), batch_size=4)


class TwoCitiesData(HousesData):
    """Several loaders for each evaluation."""

    def val_dataloader(self) -> Any:
        return [DataLoader(houses(2), batch_size=4), DataLoader(houses(5, 8), batch_size=4)]

    def test_dataloader(self) -> Any:
        return [DataLoader(houses(3), batch_size=4), DataLoader(houses(6, 8), batch_size=4)]

    predict_dataloader = test_dataloader


class TwoCities(LitRegressor):
    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Any:
        self.log("val_loss", F.mse_loss(self(batch[0]), batch[1]))

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Any:
        self.log("test_loss", F.mse_loss(self(batch[0]), batch[1]))

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Any:
        return self(batch[0])


class Stream(IterableDataset[Any]):
    """Samples without a length: others in each epoch, unless they are for evaluation."""

    def __init__(self, count: int, seed: int | None = None) -> None:
        self.count, self.seed = count, seed

    def __iter__(self) -> Iterator[Any]:
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        for _ in range(self.count):
            x = torch.randn(4, generator=generator)
            yield x, x.sum(0, keepdim=True)


class StreamData(LightningDataModule):
    def train_dataloader(self) -> Loader:
        return DataLoader(Stream(18), batch_size=4)

    def val_dataloader(self) -> Loader:
        return DataLoader(Stream(6, seed=2), batch_size=4)

    test_dataloader = predict_dataloader = val_dataloader


class NoisyHouses(Dataset[Any]):
    """Augmented by the random numbers of Python, NumPy and PyTorch."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Any:
        x, y = houses(1)[index]
        return x + 0.1 * (random.random() + np.random.rand() + torch.rand(1)), y  # noqa: NPY002  # as it is written


class NoisyData(HousesData):
    def train_dataloader(self) -> Loader:
        return DataLoader(NoisyHouses(), batch_size=4, shuffle=True)


class SeededData(HousesData):
    """An order of its own, as PyTorch's notes on reproducibility have it."""

    def train_dataloader(self) -> Loader:
        generator = torch.Generator()
        generator.manual_seed(0)
        return DataLoader(self.train_set, batch_size=4, shuffle=True, generator=generator)


class WorkersData(HousesData):
    def train_dataloader(self) -> Loader:
        return DataLoader(NoisyHouses(), batch_size=4, shuffle=True, num_workers=1)


class Records(Dataset[Any]):
    """Samples of nested dictionaries, as of a table with texts."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        x, y = houses(1)[index]
        return {"house": {"size": x[:2], "place": x[2:]}, "price": y, "name": f"house {index}"}


class RecordsData(LightningDataModule):
    def train_dataloader(self) -> Loader:
        return DataLoader(Records(), batch_size=4, shuffle=True)

    def val_dataloader(self) -> Loader:
        return DataLoader(Records(), batch_size=5)

    test_dataloader = predict_dataloader = val_dataloader


class OfRecords(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({"size": nn.Linear(2, 1), "place": nn.Linear(2, 1)})

    def forward(self, house: dict[str, Tensor]) -> Tensor:
        return torch.stack([layer(house[name]) for name, layer in self.layers.items()]).sum(0)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        predicted = self(batch["house"])
        return {"loss": F.mse_loss(predicted, batch["price"]), "predicted": predicted.detach()}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self.log("valid/mse", F.mse_loss(self(batch["house"]), batch["price"]), batch_size=len(batch["name"]))

    def test_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self.log_dict({"test/mse": F.mse_loss(self(batch["house"]), batch["price"])}, batch_size=len(batch["name"]))

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        return {"name": batch["name"], "price": self(batch["house"]).squeeze(1)}

    def configure_optimizers(self) -> Any:
        return {"optimizer": torch.optim.AdamW(self.parameters(), lr=0.01)}


class Silent(LitRegressor):
    """Logs nothing."""

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        return F.mse_loss(self(batch[0]), batch[1])

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        return F.mse_loss(self(batch[0]), batch[1])

    test_step = validation_step


class OddNames(LitRegressor):
    """Names with spaces, slashes and signs, by step and by epoch."""

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        loss = F.mse_loss(self(batch[0]), batch[1])
        self.log("Loss of training [squared]", loss, on_step=True, on_epoch=True)
        self.log("train/a/b/c", batch_idx, on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        error = self(batch[0]) - batch[1]
        self.log("validation/error/L1, mean", error.abs().mean(), on_step=True, on_epoch=True)
        self.log("validation loss", error.square().mean())

    def test_step(self, batch: Batch, batch_idx: int) -> Any:
        self.log("100 % of the error", (self(batch[0]) - batch[1]).abs().mean(), on_step=True, on_epoch=True)


class PointsData(LightningDataModule):
    """Nothing but training data."""

    def train_dataloader(self) -> Loader:
        return DataLoader(houses(1), batch_size=4, shuffle=True)


class Gan(LightningModule):
    """Two optimizers of one class, stepped by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
        self.discriminator = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.generator(z)
        return made

    def judged(self, x: Tensor, real: bool) -> Tensor:
        logits = self.discriminator(x)
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))

    def training_step(self, batch: Batch) -> None:
        x, _ = batch
        optimizers: Any = self.optimizers()
        g_optimizer, d_optimizer = optimizers
        made = self(torch.randn(len(x), 2))
        self.toggle_optimizer(g_optimizer)
        g_loss = self.judged(made, True)
        g_optimizer.zero_grad()
        self.manual_backward(g_loss)
        g_optimizer.step()
        self.untoggle_optimizer(g_optimizer)
        self.toggle_optimizer(d_optimizer)
        d_loss = (self.judged(x, True) + self.judged(made.detach(), False)) / 2
        d_optimizer.zero_grad()
        self.manual_backward(d_loss)
        d_optimizer.step()
        self.untoggle_optimizer(d_optimizer)
        self.log_dict({"g_loss": g_loss, "d_loss": d_loss}, prog_bar=True)

    def on_train_epoch_end(self) -> None:
        norm = sum(parameter.norm() for parameter in self.discriminator.parameters())
        for logger in cast("list[Any]", self.loggers):
            logger.experiment.add_scalar("norm of the weights", norm, self.current_epoch)

    def configure_optimizers(self) -> Any:
        g_optimizer = torch.optim.Adam(self.generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
        d_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
        return [g_optimizer, d_optimizer], []


class Warmup(LitRegressor):
    """A schedule of steps, as long as the training."""

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.05)
        steps = self.trainer.estimated_stepping_batches
        schedule = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 4) * (1 - step / (steps + 1)))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class TwoSchedules(LitRegressor):
    """Two schedules of one optimizer, each in its own rhythm."""

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)
        often = {"scheduler": StepLR(optimizer, 2, gamma=0.9), "interval": "step", "frequency": 2, "name": "often"}
        return [optimizer], [often, CosineAnnealingLR(optimizer, T_max=5)]


class Plateau(LitRegressor):
    """A schedule that watches a metric of its own name."""

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        self.log("loss/valid", F.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
        plateau = ReduceLROnPlateau(optimizer, patience=0, threshold=0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "loss/valid"}}


class PlateauOfTraining(LitRegressor):
    """A schedule that watches a metric of training."""

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        loss = F.mse_loss(self(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
        plateau = ReduceLROnPlateau(optimizer, patience=0, threshold=0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "train_loss"}}


class Classifier(LightningModule):
    """Metrics as objects, and callbacks of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.class_names = None  # names that a panel might look for, with another meaning
        self.network = "mlp"
        self.vocabulary = {"cheap": 0, "dear": 1}
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        self.train_acc, self.val_acc = MulticlassAccuracy(2), MulticlassAccuracy(2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)
        return logits

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        logits, target = self(batch[0]), (batch[1][:, 0] > 0).long()
        self.log("train_acc", self.train_acc(logits, target), on_epoch=True)
        return F.cross_entropy(logits, target)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.val_acc(self(batch[0]), (batch[1][:, 0] > 0).long())
        self.log("val_acc", self.val_acc)

    def predict_step(self, batch: Batch, batch_idx: int) -> tuple[Tensor, Tensor]:
        probabilities = self(batch[0]).softmax(1)
        return probabilities.argmax(1), probabilities

    def configure_optimizers(self) -> Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)

    def configure_callbacks(self) -> list[Callback]:
        return [
            EarlyStopping("val_acc", patience=5, mode="max"),
            ModelCheckpoint(monitor="val_acc", mode="max", filename="{epoch}-{val_acc:.2f}"),
        ]


class ImagesData(LightningDataModule):
    """Images that are normalized."""

    def train_dataloader(self) -> Loader:
        images = torch.randn(12, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        return DataLoader(TensorDataset(images, torch.arange(12) % 3), batch_size=4)

    val_dataloader = test_dataloader = predict_dataloader = train_dataloader


class ImageClassifier(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.net(images)
        return logits

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.log("loss/train", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        logits = self(batch[0])
        self.log("loss/val", F.cross_entropy(logits, batch[1]))
        return logits

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("loss/test", F.cross_entropy(self(batch[0]), batch[1]))

    def predict_step(self, batch: Batch, batch_idx: int) -> Any:
        return self(batch[0]).argmax(1)

    def configure_optimizers(self) -> Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-3)


class ShortEpochs(LitRegressor):
    """Ends an epoch before its data ends."""

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        return -1 if batch_idx == 3 else None


class FrozenBackbone(LitRegressor):
    """Saves only what it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.strict_loading = False
        self.backbone = nn.Linear(4, 4).requires_grad_(False)
        nn.init.eye_(self.backbone.weight)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.backbone(x))

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        state = super().state_dict(*args, **kwargs)
        return {name: value for name, value in state.items() if not name.startswith("backbone")}


class LateModel(LitRegressor):
    """Builds its network when training begins."""

    def __init__(self) -> None:
        super().__init__()
        self.net: Any = None

    def configure_model(self) -> None:
        if self.net is None:
            self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


class LazyModel(LitRegressor):
    """Finds the sizes of its layers in the first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(1))


class SometimesNothing(LitRegressor):
    """Leaves out some batches."""

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        return None if batch_idx % 3 == 1 else super().training_step(batch, batch_idx)


class PairedData(LightningDataModule):
    """Several loaders of training at once."""

    def train_dataloader(self) -> Any:
        return {"a": DataLoader(houses(1), 4, shuffle=True), "b": DataLoader(houses(2, 12), 3, shuffle=True)}

    def val_dataloader(self) -> Loader:
        return DataLoader(houses(3), batch_size=4)

    test_dataloader = predict_dataloader = val_dataloader


class Paired(LitRegressor):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return sum(F.mse_loss(self(x), y) for x, y in (part for part in batch.values() if part is not None))


class Hooks(LitRegressor):
    """Hooks of every kind, some of which change what is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return [batch[0] * 2, batch[1]]

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        return [part.to(device) + 0.1 for part in batch]

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return [batch[0] + 0.01 * torch.rand_like(batch[0]), batch[1]] if self.training else batch

    def on_train_epoch_start(self) -> None:
        dropout: Any = self.net[2]
        dropout.p = 0.1 * min(self.current_epoch, 5)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.log("loss by hand", outputs["loss"], on_epoch=True)

    def on_before_zero_grad(self, optimizer: Optimizer) -> None:
        self.called.append("on_before_zero_grad")

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        (loss * 2).backward()

    def on_after_backward(self) -> None:
        for parameter in self.net[0].parameters():
            parameter.grad = 0.5 * cast("Tensor", parameter.grad)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        for parameter in self.net[3].parameters():
            parameter.grad = 0.01 + cast("Tensor", parameter.grad)

    def configure_gradient_clipping(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
        self.clip_gradients(optimizer, gradient_clip_val=0.5, gradient_clip_algorithm="norm")

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        optimizer.param_groups[0]["lr"] = 0.01 * min(1.0, (self.trainer.global_step + 1) / 5)
        optimizer.step(closure=optimizer_closure)

    def on_validation_epoch_end(self) -> None:
        self.log("calls", float(len(self.called)))
