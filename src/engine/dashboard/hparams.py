"""The settings of a run: as a text, and as a row of the tab HParams."""

import math
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard.summary import hparams

from engine.dashboard.metrics_history import history
from engine.dashboard.panel import Panel
from engine.logs.metric_names import stage
from engine.runs.config_file import dump, flat, read_tree
from engine.runs.folder import Run

# Settings of the Trainer that change what is learned; the others say where and how it runs.
TRAINER = (
    "max_epochs",
    "max_steps",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "precision",
)


class _RunSettings(Panel):
    """A panel that shows the settings of the run, as its config.yaml has them once training has started."""

    def __init__(self) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {}

    def suits(self) -> bool:
        """Return whether the run has settings, and a TensorBoard."""
        path = Run(self.folder).config
        self.settings = read_tree(path) if self.writer is not None and path.is_file() else {}
        return bool(self.settings)


class Settings(_RunSettings):
    """The settings that really run, as a text."""

    def suits(self) -> bool:
        """Return whether this is a training with settings."""
        return self.stage == "train" and super().suits()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show them, without what is null."""
        super().on_train_start(trainer, pl_module)
        if self.shown and trainer.global_step == 0:
            text = dump(_present(self.settings))
            self.text("config", "\n".join(f"    {line}" for line in text.splitlines()))
        self.leave(trainer)


class HParams(_RunSettings):
    """A row of the tab HParams: the settings, and as `best/...` the metrics of the best checkpoint and of its test.

    TensorBoard's table has all numbers that a run logs as columns, each with its last value; `best/...` are the ones
    that compare runs.
    """

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the metrics of the best checkpoint."""
        if self.shown:
            record = Run(self.folder).record()
            metrics = (record.get("best") or {}).get("metrics", {})
            shown = {name: value for name, value in metrics.items() if stage(name) == "val"}
            if not shown:  # names that say no stage
                other = {name for name in metrics if stage(name) or name.startswith("learning_rate")}
                shown = {name: value for name, value in metrics.items() if name not in other}
            if not record.get("test"):  # there was one of an earlier best, perhaps: it is not that of this best
                shown |= {name: math.nan for name in history(trainer) if stage(name) == "test"}
            self._write(shown)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the metrics of the test."""
        if self.shown:
            self._write({name: value.item() for name, value in trainer.callback_metrics.items()})

    def _write(self, metrics: dict[str, float]) -> None:
        settings = hyperparameters(flat(self.settings))
        plain = (bool, int, float)
        values = {name: value if isinstance(value, plain) else str(value) for name, value in settings.items()}
        # Without the first part, which lists columns and of which TensorBoard reads only one run's: runs may differ.
        _, start, end = hparams(values, {})
        self.summary(start)
        self.summary(end)
        for name, value in metrics.items():
            self.summary(Summary(value=[Summary.Value(tag=f"best/{name}", simple_value=value)]))


def hyperparameters(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that change what is learned, by short names: optimizer Adam, optimizer.lr 0.001."""
    found = {}
    for key, value in settings.items():
        name = key.removeprefix("model.").removeprefix("trainer.").replace("init_args.", "").removesuffix(".class_path")
        chosen = key.startswith(("model.", "data.", "seed")) or (key.startswith("trainer.") and name in TRAINER)
        if chosen and value is not None and (name, value) != ("max_steps", -1):
            found[name if name != "class_path" else "task"] = (
                str(value).split(".")[-1] if "class_path" in key else value
            )
    return found


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _present(item) for key, item in value.items() if item is not None}
    return value
