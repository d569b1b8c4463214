"""The same seed gives the same weights, to the last bit, however often and with however many workers."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import PRODUCT, PROJECT, Result

App = Callable[..., Result]
Data = Callable[[Path], list[str]]
CONFIGS = sorted((PROJECT / "configs").glob("*.yaml"))
ALWAYS = ("product", "tabular_classes", "chars")  # one of each task
SHORT = ["--data.init_args.batch_size=16", "--trainer.max_epochs=2", "--trainer.limit_train_batches=3"]
SHORT += ["--trainer.limit_val_batches=1"]


def weights(app: App, name: str, config: Path, *more: str) -> dict[str, torch.Tensor]:
    result = app("fit", "--config", config, "--name", name, *SHORT, *more)
    assert result.exit_code == 0, result.err
    path = Path("lightning_logs") / name / "version_0" / "checkpoints" / "last.ckpt"
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def identical(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return state.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in state.items())


@pytest.mark.parametrize(
    "config",
    [pytest.param(path, marks=[] if path.stem in ALWAYS else [pytest.mark.slow]) for path in CONFIGS],
    ids=lambda path: str(path.stem),
)
def test_the_same_seed_gives_the_same_weights_bit_for_bit(config: Path, app: App, small_data: Data) -> None:
    first, again = (weights(app, name, config, *small_data(config)) for name in ("first", "again"))
    assert identical(first, again)


def test_another_seed_gives_other_weights(app: App) -> None:
    first, other = (weights(app, seed, PRODUCT, "--seed_everything", seed) for seed in ("1", "2"))
    assert not identical(first, other)


def test_the_number_of_workers_does_not_change_the_weights(app: App, small_data: Data) -> None:
    config = PROJECT / "configs" / "image_folder.yaml"
    anew = [
        *small_data(config),
        "--data.init_args.memory_limit",
        "0",
        "--data.init_args.image_size",
        "16",
    ]  # decoded in every epoch
    runs = [weights(app, f"{n}", config, *anew, "--data.init_args.num_workers", f"{n}") for n in (0, 1, 3)]
    assert all(identical(runs[0], run) for run in runs[1:])
