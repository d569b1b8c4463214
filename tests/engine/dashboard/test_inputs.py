"""The first batch as it is described before training."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import BRIEF, PROJECT, Result
from support.events import text

App = Callable[..., Result]
pytestmark = pytest.mark.dashboard
TABULAR = """
trainer: {max_epochs: 1}
model:
  class_path: app.tasks.Regression
  init_args:
    network: {class_path: app.networks.MLP}
    optimizer: {class_path: torch.optim.Adam}
data: {class_path: app.data.tabular.Tabular, init_args: {path: houses.csv, batch_size: 100, target: price}}
"""


def described(app: App, *arguments: str | Path) -> list[str]:
    """Return the lines that describe the first batch."""
    result = app("fit", *arguments)
    assert result.exit_code == 0, result.err
    lines = result.out.splitlines()
    start = lines.index("first batch") + 1
    return [line.strip() for line in lines[start : start + 3]]


def test_columns_have_their_mean_and_deviation_and_the_target_its_name(app: App, folder: Path) -> None:
    area = torch.arange(1, 101).float()
    rows = [f"{a:g},{2 * a:g},{3 * a:g}" for a in area.tolist()]
    (folder / "houses.csv").write_text("\n".join(["area,rooms,price", *rows]) + "\n")
    (folder / "houses.yaml").write_text(TABULAR)
    split = ["--data.init_args.val_size", "0.1", "--data.init_args.test_size", "0.1"]
    lines = described(app, "--config", "houses.yaml", *split)
    table = text(Path("lightning_logs/houses/version_0"), "train/batch").splitlines()
    assert table[0] == "| area | rooms | price |"
    assert lines[0].startswith("inputs (80, 2) float32 in [")
    assert lines[1].startswith("mean ± deviation: area ")
    mean, deviation = map(float, lines[1].split("area ")[1].split(",")[0].split(" ± "))
    assert f"rooms {2 * mean:.4g} ± {2 * deviation:.4g}" in lines[1]
    assert lines[2].endswith(f"price {3 * mean:.4g} ± {3 * deviation:.4g}")
    assert "price" in text(Path("lightning_logs/houses/version_0"), "train/batch_statistics")


def test_channels_and_labels_of_images(app: App, small_data: Callable[[Path], list[str]]) -> None:
    config = PROJECT / "configs" / "mnist_cnn.yaml"
    lines = described(app, "--config", config, *BRIEF, "--trainer.limit_train_batches", "1", *small_data(config))
    assert lines[0] == "inputs (64, 1, 28, 28) uint8 in [0, 250]"
    assert lines[1].startswith("mean ± deviation: channel 0 ")
    shape, counts = lines[2].split("; ")
    assert shape == "labels (64,) int64 in [0, 9]"
    assert sum(int(count.split(": ")[1]) for count in counts.split(", ")) == 64
