"""A new task is one file and one config in the user's own folder; no file of the project changes."""

from pathlib import Path

import pytest
from support import spawn

DATA = '''
import torch
from engine.data import InMemory

class Sum(InMemory):
    """y = a + b + c."""
    feature_names = ("a", "b", "c")

    def __init__(self, batch_size: int = 20) -> None:
        super().__init__(batch_size)

    def build(self, split):
        generator = torch.Generator().manual_seed(("train", "val", "test").index(split))
        inputs = torch.randn(100, 3, generator=generator)
        return inputs, inputs.sum(1, keepdim=True)
'''
PLAIN = '''
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

class Plain(LightningDataModule):
    """A data module that knows nothing of this project."""
    def loader(self):
        inputs = torch.randn(100, 3)
        return DataLoader(TensorDataset(inputs, inputs.sum(1, keepdim=True)), batch_size=20)
    train_dataloader = val_dataloader = test_dataloader = predict_dataloader = loader
'''
CONFIG = """
trainer: {max_epochs: 20}
model:
  class_path: app.tasks.Regression
  init_args:
    network: {class_path: app.networks.MLP, init_args: {in_features: 3, out_features: 1}}
    optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.1}}
"""


def test_a_data_module_and_a_config_make_a_task(folder: Path) -> None:
    (folder / "sums.py").write_text(DATA)
    (folder / "sums.yaml").write_text(CONFIG + "data: {class_path: sums.Sum}\n")
    fitted = spawn("fit", "--config", "sums.yaml", cwd=folder)
    assert fitted.exit_code == 0, fitted.err
    predicted = spawn("predict", "--config", "sums.yaml", cwd=folder)
    assert predicted.exit_code == 0, predicted.err
    lines = (folder / "lightning_logs/sums/version_0/predictions.csv").read_text().splitlines()
    assert lines[0] == "a,b,c,actual,predicted,error"
    assert max(float(line.rsplit(",", 1)[1]) for line in lines[1:]) < 0.5


@pytest.mark.slow
def test_any_lightning_data_module_will_do(folder: Path) -> None:
    (folder / "plain.py").write_text(PLAIN)
    (folder / "plain.yaml").write_text(CONFIG + "data: {class_path: plain.Plain}\n")
    fitted = spawn("fit", "--config", "plain.yaml", cwd=folder)
    assert fitted.exit_code == 0, fitted.err
    predicted = spawn("predict", "--config", "plain.yaml", cwd=folder)
    assert predicted.exit_code == 0, predicted.err
    assert (folder / "lightning_logs/plain/version_0/predictions.csv").read_text().startswith("x1,x2,x3,actual")
