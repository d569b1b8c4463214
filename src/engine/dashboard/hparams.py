"""What the run was, as text and in the table of hyperparameters."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from engine.dashboard.panel import Board, Panel
from engine.runs.config_file import read_flat as read

# Settings of the Trainer that change what is learned; the others say where and how it runs.
TRAINER = (
    "max_epochs",
    "max_steps",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "precision",
)


class Settings(Panel):
    """The settings that really run, as a text."""

    def suits(self, board: Board) -> bool:
        """Say whether there are any: a run without a folder keeps none."""
        return board.folder is not None

    def begin(self, board: Board, inputs: Tensor, targets: Tensor) -> None:
        """Show config.yaml without what is null."""
        if board.folder is not None and (board.folder / "config.yaml").is_file():
            settings = _present(yaml.safe_load((board.folder / "config.yaml").read_text(encoding="utf-8")))
            text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
            board.text("config", "\n".join(f"    {line}" for line in text.splitlines()))


class HParams(Panel):
    """A row of the table HParams: the settings, and the metrics of the best checkpoint, test metrics once there are.

    TensorBoard makes a table of runs that write their hyperparameters, with all numbers that they log as columns. They
    are written to a folder `best` of their own, so that the columns are these metrics alone. It is written anew each
    time, because TensorBoard would go on showing what a later test has replaced.
    """

    def suits(self, board: Board) -> bool:
        """Say whether there is a run, and a TensorBoard."""
        return board.folder is not None and board.writer is not None

    def end(self, board: Board) -> None:
        """Write the row."""
        if board.folder is None or not (board.folder / "config.yaml").is_file():
            return
        best = _best(board)
        tested = {name: value.item() for name, value in board.trainer.callback_metrics.items() if name[:5] == "test/"}
        settings = hyperparameters(read(board.folder / "config.yaml"))
        write_hparams(board.folder / "best", settings, best | tested, board.step)


def write_hparams(folder: Path, settings: dict[str, Any], metrics: dict[str, float], step: int) -> None:
    """Write a row of the table HParams into a folder, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    writer = SummaryWriter(folder)
    values = {key: value if isinstance(value, bool | int | float) else str(value) for key, value in settings.items()}
    # Without the first part, which lists columns and of which TensorBoard reads only one run's: runs may differ.
    _, start, end = hparams(values, {})
    file = writer._get_file_writer()
    file.add_summary(start)
    file.add_summary(end)
    for name, value in metrics.items():
        writer.add_scalar(name, value, step)
    writer.close()


def _best(board: Board) -> dict[str, float]:
    """Return the validation metrics of the best checkpoint: of this training, or as the run has them on record."""
    record = board.folder / "run.json" if board.folder else None
    best = json.loads(record.read_text(encoding="utf-8")).get("best") if record and record.is_file() else None
    return {name: value for name, value in (best or {}).get("metrics", {}).items() if name.startswith("val/")}


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
