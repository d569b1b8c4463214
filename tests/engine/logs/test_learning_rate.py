"""The learning rate is logged with the rate that steps were really taken with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from support import read_csv
from support.events import scalars
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer, lr_scheduler
from torch.utils.data import DataLoader, Dataset

from engine.logs.learning_rate import LearningRate
from engine.logs.metrics_file import MetricsFile
from engine.logs.tensorboard import TensorBoard


class Line(LightningModule):
    """Notes the rate that each step is taken with."""

    def __init__(self, schedule: str | None = None, groups: int = 1) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(1, 1) for _ in range(groups))
        self.schedule = schedule
        self.used: list[float] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.used.append(self.trainer.optimizers[0].param_groups[0]["lr"])
        loss: Tensor = sum(layer(batch).square().mean() for layer in self.layers)
        return loss

    def configure_optimizers(self) -> Any:
        groups = [{"params": layer.parameters(), "lr": 0.1 / 2**n} for n, layer in enumerate(self.layers)]
        optimizer = SGD(groups, lr=0.1)
        if self.schedule is None:
            return optimizer
        schedule = lr_scheduler.LambdaLR(optimizer, lambda count: 0.99**count)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": self.schedule}}


class Several(Line):
    """Steps several optimizers by hand."""

    def __init__(self, kinds: Sequence[type[Optimizer]]) -> None:
        super().__init__(groups=len(kinds))
        self.kinds = kinds
        self.automatic_optimization = False

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.manual_backward(loss)
        for optimizer in self.optimizers():  # type: ignore[union-attr]
            optimizer.step()
        return loss

    def configure_optimizers(self) -> Any:
        parts = enumerate(zip(self.kinds, self.layers, strict=True))
        return [kind(layer.parameters(), lr=0.1 / 2**n) for n, (kind, layer) in parts]  # type: ignore[call-arg]


def train(model: Line, epochs: int, batches: int) -> tuple[Trainer, list[dict[str, str]]]:
    loggers = [TensorBoard(), MetricsFile()]
    for logger in loggers:
        logger.begin(Path(), 0)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=loggers,
        callbacks=[LearningRate()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader(cast(Dataset[Tensor], torch.ones(batches, 1))))
    return trainer, read_csv(Path("metrics.csv"))


@pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*is smaller than the logging interval", "ignore:.*treespec"
)
class TestRates:
    def test_a_schedule_by_epoch_gives_a_row_an_epoch_and_no_hook_in_each_step(self) -> None:
        model = Line("epoch")
        trainer, rows = train(model, epochs=5, batches=3)
        assert [(int(row["step"]), float(row["learning_rate"])) for row in rows] == [
            (3 * epoch + 2, model.used[3 * epoch]) for epoch in range(5)
        ]
        [callback] = [part for part in trainer.callbacks if isinstance(part, LearningRate)]  # type: ignore[attr-defined]
        assert "on_train_batch_start" not in vars(callback)

    def test_a_schedule_by_batch_is_logged_with_the_rates_that_were_used(self) -> None:
        model = Line("step")
        trainer, rows = train(model, epochs=2, batches=50)
        assert [float(row["learning_rate"]) for row in rows] == model.used
        assert scalars(Path(), "learning_rate") == pytest.approx(dict(enumerate(model.used)))
        assert trainer.callback_metrics["learning_rate"].item() == pytest.approx(model.used[-1])

    def test_a_long_run_has_some_two_hundred_points(self) -> None:
        model = Line("step")
        _, rows = train(model, epochs=2, batches=1000)
        assert 190 <= len(rows) <= 203
        assert all(float(row["learning_rate"]) == model.used[int(row["step"])] for row in rows)
        assert rows[-1]["step"] == "1999"

    def test_further_groups_are_numbered(self) -> None:
        _, rows = train(Line(groups=3), epochs=1, batches=1)
        rates = {name: float(value) for name, value in rows[0].items() if name.startswith("learning_rate")}
        assert rates == {"learning_rate": 0.1, "learning_rate/1": 0.05, "learning_rate/2": 0.025}

    def test_optimizers_are_named_and_two_of_a_class_told_apart(self) -> None:
        _, rows = train(Several([Adam, SGD, Adam]), epochs=1, batches=1)
        rates = {name: float(value) for name, value in rows[0].items() if name.startswith("learning_rate")}
        assert rates == {"learning_rate/Adam": 0.1, "learning_rate/SGD": 0.05, "learning_rate/Adam-1": 0.025}
