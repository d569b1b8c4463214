import gzip
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from support import APP, NO_DASHBOARD, REAL_DATA, Result, SmallCIFAR10, main

from engine.project import set_current

# Fixtures of a module come before those of a test; threads of two tests on the same cores wait for each other.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    set_current(APP)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test runs in a folder of its own and may write nowhere else; modules that it wrote there end with it."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def app(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command line inside this process: a subprocess spends seconds on imports.

    Without the marker `dashboard`, runs draw nothing: their figures take longer than their training.
    """
    off = [] if request.node.get_closest_marker("dashboard") else NO_DASHBOARD

    def run(*arguments: str | Path) -> Result:
        words = [str(argument) for argument in arguments]
        exit_code = main([*words, *off] if "--config" in words else words)
        out, err = capsys.readouterr()
        assert "is switched off" not in out, out  # what a user would only read, a test must not miss
        return Result(exit_code, out, err)

    return run


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


# Tests of more than some seconds, each beside a quicker one of the same kind: they are run with the slow ones.
SLOW = (
    "test_a_resumed_run_goes_on_with_what_was_found",
    "test_runs_of_a_study_are_ordinary_runs",
    "test_each_task_is_trained_alike[chars]",
    "test_the_same_seed_gives_the_same_weights_bit_for_bit[chars]",
    "test_a_config_trains_scores_and_predicts[chars]",
    "test_a_config_trains_scores_and_predicts[cifar10_cnn]",
    "test_each_technique_is_the_same[a closure that is called often]",
    "test_what_is_left_out_at_the_start_is_there_when_it_is_asked_for",
    "test_what_a_data_set_does_not_need_is_not_imported",
    "test_a_data_module_and_a_config_make_a_task",
    "test_validate_scores_what_fit_recorded",
    "test_hparams_of_a_better_best_do_not_show_the_test_of_the_one_before",
    "test_a_run_stopped_at_any_step_ends_as_if_nothing_had_happened[augmented]",
    "test_a_resumed_run_knows_what_the_whole_run_knows",
    "test_the_dashboard_changes_nothing_of_the_training[mnist_cnn]",
    "test_the_number_of_workers_does_not_change_the_weights",
    "test_a_config_trains_scores_and_predicts[sine]",
    "test_a_config_trains_scores_and_predicts[line]",
    "test_a_position_on_the_command_line_becomes_the_name[-3-a]",
    "test_each_task_is_trained_alike[cifar10_cnn]",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.name in SLOW:
            item.add_marker(pytest.mark.slow)
