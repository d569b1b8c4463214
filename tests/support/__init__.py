"""What tests share: paths, the command line inside this process and as a process of its own."""

import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import app.__main__
from engine.main import run

APP = app.__main__.PROJECT
# Lightning calls what jsonargparse 5 removes; pyproject.toml keeps 5 out.
os.environ["JSONARGPARSE_DEPRECATION_WARNINGS"] = "off"
PROJECT = Path(__file__).resolve().parents[2]
PRODUCT = PROJECT / "configs" / "product.yaml"
REAL_DATA = PROJECT.parent / "shared" / "data"
NO_DASHBOARD = ["--dashboard", "null"]
# Enough to train the network a little, in a tenth of a second.
BRIEF = ["--trainer.max_epochs", "4", "--trainer.check_val_every_n_epoch", "2"]


@dataclass(frozen=True)
class Result:
    exit_code: int
    out: str
    err: str


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def spawn(*arguments: str | Path, cwd: Path) -> Result:
    command = [sys.executable, "-m", "app", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def main(arguments: Sequence[str]) -> int:
    """Run a command inside this process and return its exit code."""
    return run(APP, arguments)


class SmallCIFAR10:
    """Stands in for torchvision's class, which checks its files: 100 + 20 images."""

    def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
        count = 100 if train else 20
        self.targets = [row % 10 for row in range(count)]
        self.data = np.random.default_rng(int(train)).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
