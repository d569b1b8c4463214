import csv
import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from app.__main__ import main
from app.callbacks import Dashboard

# Lightning calls what jsonargparse 5 removes; pyproject.toml keeps 5 out.
os.environ["JSONARGPARSE_DEPRECATION_WARNINGS"] = "off"
PROJECT = Path(__file__).parent.parent
PRODUCT = PROJECT / "configs" / "product.yaml"
REAL_DATA = PROJECT.parent / "shared" / "data"
# Enough to train the network a little, in a tenth of a second.
BRIEF = ["--trainer.max_epochs", "4", "--trainer.check_val_every_n_epoch", "2"]


@dataclass(frozen=True)
class Result:
    exit_code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in a folder of its own and may write nowhere else."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def no_figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing in tests of other things: the figures of a run take longer than its training."""
    if request.node.get_closest_marker("dashboard") is None:
        monkeypatch.setattr(Dashboard, "_open", lambda *arguments: None)


@pytest.fixture
def app(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command line inside this process: a subprocess spends seconds on imports."""

    def run(*arguments: str | Path) -> Result:
        exit_code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "is switched off" not in out, out  # what a user would only read, a test must not miss
        return Result(exit_code, out, err)

    return run


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def spawn(*arguments: str | Path, cwd: Path) -> Result:
    command = [sys.executable, "-m", "app", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root with files in MNIST's format: 200 + 50 images, whose brightest row tells the digit."""
    root = tmp_path_factory.mktemp("mnist")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    generator = torch.Generator().manual_seed(0)
    for part, count in (("train", 200), ("t10k", 50)):
        labels = torch.arange(count) % 10
        images = torch.randint(0, 50, (count, 28, 28), generator=generator)
        images[torch.arange(count), 2 * labels + 4] = 250
        header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + bytes(images.flatten().tolist()))
        packed = gzip.compress(bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + bytes(labels.tolist()))
        (raw / f"{part}-labels-idx1-ubyte.gz").write_bytes(packed)
    return root


@pytest.fixture(scope="session")
def small_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 3 x 20 images of three colours, of different sizes and modes."""
    root = tmp_path_factory.mktemp("images")
    for number, name in enumerate(("blue", "green", "red")):
        (root / name).mkdir()
        for row in range(20):
            colour = [30 + row, 30, 30 + row]
            colour[2 - number] = 220
            image = Image.new("RGB", (20 + row, 40 - row), tuple(colour))
            image = image.convert("RGBA") if row % 4 == 0 else image
            image.save(
                root / name / f"{row:02}.{'png' if row % 2 == 0 else 'JPG'}", format="PNG" if row % 2 == 0 else "JPEG"
            )
    return root


class SmallCIFAR10:
    """Stands in for torchvision's class, which checks its files: 100 + 20 images."""

    def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
        count = 100 if train else 20
        self.targets = [row % 10 for row in range(count)]
        self.data = np.random.default_rng(int(train)).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def small_data(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], list[str]]:
    """Return arguments that give a config small data in place of what it would download or look for."""

    def arguments(config: Path) -> list[str]:
        text = config.read_text()
        if "MNIST" in text:
            root = request.getfixturevalue("small_mnist")
            return ["--data.init_args.root", str(root), "--data.init_args.val_size", "40"]
        if "CIFAR10" in text:
            monkeypatch.setattr("torchvision.datasets.CIFAR10", SmallCIFAR10)
            return ["--data.init_args.val_size", "20"]
        if "ImageFolder" in text:
            return ["--data.init_args.root", str(request.getfixturevalue("small_images"))]
        return []

    return arguments


@pytest.fixture(scope="session")
def real_mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (REAL_DATA / "MNIST").is_dir():
        pytest.skip("the real images are not beside this checkout")
    return REAL_DATA
