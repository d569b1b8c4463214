"""What watches a training (summary, panels, diagnosis, learning rates) ends none that plain Lightning finishes."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from support import Result, brought, read_csv
from support.events import text

App = Callable[..., Result]
RUN = Path("lightning_logs/plain/version_0")
pytestmark = pytest.mark.dashboard
MODULES = """
def mse(net, batch):
    return nn.functional.mse_loss(net(batch[0]), batch[1])


class Gan(Net):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        for optimizer, schedule in zip(self.optimizers(), self.lr_schedulers()):
            optimizer.zero_grad()
            self.manual_backward(mse(self, batch))
            optimizer.step()
            schedule.step()

    def configure_optimizers(self):
        parts = (self.backbone, 1e-3), (self.head, 1e-2)
        optimizers = [torch.optim.Adam(part.parameters(), rate) for part, rate in parts]
        return optimizers, [torch.optim.lr_scheduler.StepLR(each, 8, 0.99) for each in optimizers]


class NoOptimizer(Net):
    def configure_optimizers(self):
        return None


class NoneSometimes(Net):
    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx) if batch_idx % 2 else None


class NoneAlways(Net):
    def training_step(self, batch, batch_idx):
        return None


class Extra(Net):
    def training_step(self, batch, batch_idx):
        return {"loss": super().training_step(batch, batch_idx), "penalty": None, "note": "text"}


class StopsEpochs(Net):
    def on_train_batch_start(self, batch, batch_idx):
        return -1 if batch_idx == 3 else None


class OwnCallbacks(Net):
    def configure_callbacks(self):
        return [pl.callbacks.EarlyStopping("val/loss"), pl.callbacks.ModelCheckpoint(save_last=True)]


class LateModel(Net):
    def __init__(self):
        pl.LightningModule.__init__(self)
        self.lr, self.backbone = 0.05, None

    def configure_model(self):
        if self.backbone is None:
            self.backbone = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
            self.head = nn.Linear(8, 1)


class Hooks(Net):
    def configure_gradient_clipping(self, optimizer, gradient_clip_val, gradient_clip_algorithm):
        self.clip_gradients(optimizer, gradient_clip_val=0.1, gradient_clip_algorithm="norm")

    def on_before_backward(self, loss):
        self.last = loss.item()

    def backward(self, loss):
        loss.backward()

    def optimizer_step(self, epoch, batch_idx, optimizer, optimizer_closure):
        optimizer.step(closure=optimizer_closure)

    def optimizer_zero_grad(self, epoch, batch_idx, optimizer):
        optimizer.zero_grad()

    def lr_scheduler_step(self, scheduler, metric):
        scheduler.step()

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), 0.05)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 8)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class OneDimension(Net):
    def forward(self, x):
        return torch.stack([super(OneDimension, self).forward(row) for row in x])


class Scalar(Net):
    def __init__(self):
        super().__init__()
        self.positive = nn.ReLU()

    def training_step(self, batch, batch_idx):
        return self.positive(super().training_step(batch, batch_idx))


class Lazy(Net):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.LazyLinear(8), nn.ReLU())


class Sparse(Net):
    def __init__(self):
        super().__init__()
        self.embedding = nn.EmbeddingBag(10, 4, sparse=True)

    def forward(self, x):
        return super().forward(self.embedding((3 * x).abs().long().clamp(max=9)))


class Part(nn.Module):
    def forward(self, x):
        return {"x": x}


class Parts(Net):
    def __init__(self):
        super().__init__()
        self.part = Part()

    def forward(self, x):
        return super().forward(self.part(x)["x"])


class TwoInputs(Net):
    def __init__(self):
        super().__init__()
        self.network = nn.Bilinear(4, 4, 4)

    def forward(self, x, z=None, *, more):
        return super().forward(self.network(x, x))

    def training_step(self, batch, batch_idx):
        return nn.functional.mse_loss(self(batch[0], more=1), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))


class Descent(torch.optim.Optimizer):
    def __init__(self, parameters):
        super().__init__(parameters, {})

    def step(self, closure=None):
        with torch.enable_grad():
            closure()
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= 0.05 * p.grad


class NoRate(Net):
    def configure_optimizers(self):
        return Descent(self.parameters())


class StepSchedule(Net):
    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), 0.05)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 8)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Predicts(Net):
    def validation_step(self, batch, batch_idx):
        super().validation_step(batch, batch_idx)
        return self(batch[0])
"""
EACH = [line.split("(")[0].removeprefix("class ") for line in MODULES.splitlines() if line.endswith("(Net):")]
# What Lightning warns of, here as without this project.
WARNS = pytest.mark.filterwarnings(
    "ignore:`LightningModule.configure_optimizers` returned `None`",
    "ignore:`training_step` returned `None`",
    "ignore:Lazy modules are a new feature",
    "ignore:.*lr_scheduler.step.. before",
    "ignore:You have overridden",
)


@pytest.fixture(autouse=True)
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)


@WARNS
@pytest.mark.parametrize("model", EACH)
def test_each_module_trains_with_everything_that_watches(model: str, app: App, folder: Path) -> None:
    result = app("fit", "--config", brought.write(folder, MODULES, model=model))
    assert result.exit_code == 0, result.err
    assert "Traceback" not in result.err
    assert (RUN / "checkpoints/last.ckpt").is_file()


def test_a_model_that_is_built_late_is_scored_and_resumed(app: App, folder: Path) -> None:
    config = brought.write(folder, MODULES, model="LateModel")
    for words in (["fit", "--config", config], ["test"], ["fit", "--trainer.max_epochs", "3"], ["test"]):
        result = app(*words, *([] if config in words else ["--run", "plain"]))
        assert result.exit_code == 0, result.err


def test_a_schedule_by_steps_trains_where_the_number_of_steps_is_not_known(app: App, folder: Path) -> None:
    accumulate = brought.callback("GradientAccumulationScheduler", scheduling={0: 1, 1: 2})
    config = brought.write(folder, MODULES, model="StepSchedule", callbacks=[accumulate])
    result = app("fit", "--config", config)
    assert result.exit_code == 0, result.err
    rates = {row["step"]: row["learning_rate"] for row in read_csv(RUN / "metrics.csv") if row["learning_rate"]}
    assert float(rates["7"]) == pytest.approx(0.05)


def test_the_rates_of_two_optimizers_of_one_class_are_told_apart(app: App, folder: Path) -> None:
    result = app("fit", "--config", brought.write(folder, MODULES, model="Gan"))
    assert result.exit_code == 0, result.err
    assert "diagnosis: " in result.out
    last = [row for row in read_csv(RUN / "metrics.csv") if row["learning_rate/Adam"]][-1]
    assert float(last["learning_rate/Adam"]) * 10 == pytest.approx(float(last["learning_rate/Adam-1"]))


def test_a_loss_that_was_never_seen_is_not_called_healthy(app: App, folder: Path) -> None:
    config = brought.write(folder, MODULES, model="Gan", max_epochs=30)
    shown = app("fit", "--config", config).out
    assert "diagnosis: not watched: the training step returned no loss" in shown
    assert "healthy" not in text(RUN, "diagnosis")


def test_advice_names_only_settings_that_the_module_has(app: App, folder: Path) -> None:
    more = "\nclass Slow(Net):\n    def __init__(self, learning_rate=1e-9):\n        super().__init__(learning_rate)\n"
    shown = app("fit", "--config", brought.write(folder, more, model="Slow")).out
    assert "try --model.learning_rate 1e-3" in shown
    result = app("fit", "--config", folder / "plain.yaml", "--model.learning_rate", "1e-3")
    assert result.exit_code == 0, result.err
    more = "\n\nclass Fixed(Net):\n    def __init__(self):\n        super().__init__(1e-9)\n"
    (folder / "fixed").mkdir()
    (folder / "fixed" / "other.py").write_text(f"from plain import Net\n{more}")
    result = app("fit", "--config", folder / "plain.yaml", "--model", "fixed.other.Fixed")
    assert "try a learning rate of 1e-3" in result.out


DATA = """
class Batches(Data):
    def batches(self):
        x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
        return {batches}

    def train_dataloader(self):
        return DataLoader(self.batches(), batch_size=8)


class Of(Net):
    def pair(self, batch):
        return {pair}

    def training_step(self, batch, batch_idx):
        loss = nn.functional.mse_loss(self(self.pair(batch)[0]), self.pair(batch)[1])
        self.log("val/loss", loss, batch_size=8)
        return loss

    def validation_step(self, batch, batch_idx):
        self.training_step(batch, batch_idx)
        return self(self.pair(batch)[0])
"""


@dataclass(frozen=True)
class Kind:
    batches: str
    pair: str


KINDS = {
    "dicts": Kind('[{"x": a, "y": a.sum()[None]} for a in x]', '(batch["x"], batch["y"])'),
    "one tensor": Kind("list(x)", "(batch, batch.sum(1, keepdim=True))"),
    "nested": Kind('[((a, {"z": a}), [a.sum()[None]]) for a in x]', "(batch[0][0], batch[1][0])"),
    "with texts": Kind('[(a, a.sum()[None], "name") for a in x]', "batch[:2]"),
    "of numbers": Kind("TensorDataset(x.sum(1), x.mean(1))", "(batch[0][:, None].expand(-1, 4), batch[1][:, None])"),
    "integers": Kind("TensorDataset(x.long(), x.long())", "(batch[0].float(), batch[1].float().sum(1, keepdim=True))"),
    "booleans": Kind("TensorDataset(x > 0, x > 0)", "(batch[0].float(), batch[1].float().sum(1, keepdim=True))"),
    "nothing in them": Kind("TensorDataset(x[:, :0], x)", "(batch[1], batch[1].sum(1, keepdim=True))"),
    "videos": Kind("TensorDataset(x.view(-1, 4, 1, 1, 1).expand(-1, 4, 3, 2, 2), x)", "(batch[1], batch[1][:, :1])"),
    "half": Kind("TensorDataset(x.bfloat16(), x)", "(batch[1], batch[1][:, :1])"),
    "half images": Kind("TensorDataset(x.view(-1, 1, 2, 2).bfloat16(), x)", "(batch[1], batch[1][:, :1])"),
    "masks": Kind(
        "TensorDataset(x.view(-1, 1, 2, 2), x.view(-1, 2, 2).long())", "(batch[0].flatten(1), batch[0][:, 0, 0, :1])"
    ),
    "complex": Kind("TensorDataset(torch.complex(x, x), x)", "(batch[1], batch[1][:, :1])"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_panels_do_not_apply_to_batches_that_they_cannot_show(kind: str, app: App, folder: Path) -> None:
    more = DATA.replace("{batches}", KINDS[kind].batches).replace("{pair}", KINDS[kind].pair)
    result = app("fit", "--config", brought.write(folder, more, model="Of", data="Batches"))
    assert result.exit_code == 0, result.err
    assert "failed" not in result.out
    assert "backbone.0" in text(RUN, "network")


IMAGES = """
class Normalized(pl.LightningDataModule):
    class_names = ["cat", "dog"]

    def train_dataloader(self):
        generator = torch.Generator().manual_seed(0)
        x, mean = torch.rand(64, 3, 8, 8, generator=generator), torch.tensor([0.48, 0.45, 0.41]).view(3, 1, 1)
        labels = torch.randint(0, 2, (64,), generator=generator)
        return DataLoader(TensorDataset((x - mean) / 0.22, labels), batch_size=8)

    val_dataloader = test_dataloader = train_dataloader
"""


def test_images_that_the_data_normalizes_are_drawn_in_their_range(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []
    draw = Figure.suptitle

    def noted(figure: Figure, title: str, **options: Any) -> Any:
        titles.append(title)
        return draw(figure, title, **options)

    monkeypatch.setattr(Figure, "suptitle", noted)
    config = brought.write(folder, IMAGES, data="Normalized")
    network = ["--model.network", "app.networks.ConvNet", "--model.network.channels", "[4]"]
    optimizer = ["--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "0.1"]
    sizes = ["--model.num_classes", "2", "--model.network.num_classes", "2", "--model.network.image_size", "8"]
    sizes += ["--model.network.in_channels", "3"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = app("fit", "--config", config, "--model", "app.tasks.Classification", *network, *optimizer, *sizes)
    assert result.exit_code == 0, result.err
    assert [str(warning.message) for warning in caught if "Clipping" in str(warning.message)] == []
    named = [title for title in titles if "First training batch" in title or "misclassified" in title]
    assert len(named) >= 2
    assert all("\nblack is -2." in title for title in named)
