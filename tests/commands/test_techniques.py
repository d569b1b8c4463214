"""Techniques by config alone, each against the same thing written by hand: the same weights after 50 steps."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from support import PRODUCT, PROJECT, Result
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    StepLR,
)

from app.data.product import Product
from app.networks import MLP, Standardizer
from app.schedules import WarmupCosine
from engine.data import Shuffle
from engine.runs.config_file import flat, read_tree

App = Callable[..., Result]
EPOCHS = 5
OPTIMIZER = "--model.init_args.optimizer"
SCHEDULER = "--model.init_args.lr_scheduler"
LAST = Path("lightning_logs/product/version_0/checkpoints/last.ckpt")


def batches(epochs: int, size: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Yield the standardized batches of each epoch, in the order of the command line."""
    inputs, targets = Product().build("train")
    parts = []
    for values in (inputs, targets):
        standardizer = Standardizer()
        standardizer.fit(values.split(1024))
        parts.append(standardizer(values))
    shuffle = Shuffle(0)
    for epoch in range(epochs):
        shuffle.set_epoch(epoch)
        yield [(parts[0][rows], parts[1][rows]) for rows in shuffle.order(1000).split(size)]


def by_hand(
    optimizer_class: Callable[..., Any],
    settings: dict[str, Any],
    scheduler: Callable[..., LRScheduler] | None = None,
    every_step: bool = False,
    clip: Callable[[list[nn.Parameter]], object] | None = None,
    accumulate: int = 1,
    l1: float = 0.0,
    size: int = 100,
) -> MLP:
    torch.manual_seed(0)
    network = MLP(2, [16, 8])
    # In one call for all parameters, as the project has it where PyTorch can.
    fused = {"fused": True} if "fused" in inspect.signature(optimizer_class).parameters else {}
    optimizer = optimizer_class(network.parameters(), **settings, **fused)
    schedule = scheduler(optimizer) if scheduler else None
    for epoch in batches(EPOCHS, size):
        for number, (inputs, targets) in enumerate(epoch, 1):
            loss = nn.functional.mse_loss(network(inputs), targets)
            if l1:
                loss = loss + l1 * sum(parameter.abs().sum() for parameter in network.parameters())
            (loss / accumulate).backward()
            if number % accumulate and number != len(epoch):
                continue
            if clip:
                clip(list(network.parameters()))
            optimizer.step()
            optimizer.zero_grad()
            if schedule and every_step:
                schedule.step()
        if schedule and not every_step:
            schedule.step()
    return network


def trained(app: App, *arguments: str) -> dict[str, Tensor]:
    result = app("fit", "--config", PRODUCT, "--trainer.max_epochs", str(EPOCHS), *arguments)
    assert result.exit_code == 0, result.err
    state: dict[str, Tensor] = torch.load(LAST, weights_only=True)["state_dict"]
    return {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}


def flags(key: str, class_path: str, **settings: object) -> list[str]:
    words = [word for name, value in settings.items() for word in (f"{key}.init_args.{name}", str(value))]
    return [key, class_path, *words]


def optimizer(name: str, **settings: float) -> list[str]:
    return flags(OPTIMIZER, f"torch.optim.{name}", **settings)


def scheduler(path: str, **settings: object) -> list[str]:
    return flags(SCHEDULER, path, **settings)


TORCH = "torch.optim.lr_scheduler"
CASES: dict[str, tuple[list[str], MLP | Callable[[], MLP]]] = {
    "sgd with momentum": (
        optimizer("SGD", lr=0.05, momentum=0.9),
        lambda: by_hand(SGD, {"lr": 0.05, "momentum": 0.9}),
    ),
    "adam": ([], lambda: by_hand(Adam, {"lr": 1e-3})),
    "adamw": (
        optimizer("AdamW", lr=0.01, weight_decay=0.1),
        lambda: by_hand(AdamW, {"lr": 0.01, "weight_decay": 0.1}),
    ),
    "rmsprop": (optimizer("RMSprop", lr=0.01), lambda: by_hand(RMSprop, {"lr": 0.01})),
    "weight decay": (
        optimizer("Adam", lr=0.01, weight_decay=0.1),
        lambda: by_hand(Adam, {"lr": 0.01, "weight_decay": 0.1}),
    ),
    "clipping by norm": (
        [*optimizer("SGD", lr=0.5), "--trainer.gradient_clip_val", "0.05"],
        lambda: by_hand(SGD, {"lr": 0.5}, clip=lambda p: nn.utils.clip_grad_norm_(p, 0.05)),
    ),
    "clipping by value": (
        [*optimizer("SGD", lr=0.5), "--trainer.gradient_clip_val=0.01", "--trainer.gradient_clip_algorithm=value"],
        lambda: by_hand(SGD, {"lr": 0.5}, clip=lambda p: nn.utils.clip_grad_value_(p, 0.01)),
    ),
    "accumulation over 4": (
        [*optimizer("SGD", lr=0.1), "--trainer.accumulate_grad_batches", "4"],
        lambda: by_hand(SGD, {"lr": 0.1}, accumulate=4),
    ),
    "l1": (
        [*optimizer("SGD", lr=0.1), "--model.init_args.l1", "0.01"],
        lambda: by_hand(SGD, {"lr": 0.1}, l1=0.01),
    ),
    "one cycle, every batch": (
        [*optimizer("SGD", lr=0.1, momentum=0.9), *scheduler(f"{TORCH}.OneCycleLR", max_lr=0.2)],
        lambda: by_hand(
            SGD, {"lr": 0.1, "momentum": 0.9}, lambda o: OneCycleLR(o, max_lr=0.2, total_steps=50), every_step=True
        ),
    ),
    "warm-up and cosine, every batch": (
        [*optimizer("SGD", lr=0.1), *scheduler("app.schedules.WarmupCosine", warmup=0.2)],
        lambda: by_hand(SGD, {"lr": 0.1}, lambda o: WarmupCosine(o, warmup=0.2, total_steps=50), every_step=True),
    ),
    "steps, every epoch": (
        [*optimizer("SGD", lr=0.1), *scheduler(f"{TORCH}.StepLR", step_size=2, gamma=0.1)],
        lambda: by_hand(SGD, {"lr": 0.1}, lambda o: StepLR(o, 2, 0.1)),
    ),
    "exponential, every epoch": (
        [*optimizer("SGD", lr=0.1), *scheduler(f"{TORCH}.ExponentialLR", gamma=0.5)],
        lambda: by_hand(SGD, {"lr": 0.1}, lambda o: ExponentialLR(o, 0.5)),
    ),
    "cyclic, every batch": (
        [
            *optimizer("SGD", lr=0.1),
            *scheduler(f"{TORCH}.CyclicLR", base_lr=0.01, max_lr=0.2, step_size_up=7, cycle_momentum=False),
        ],
        lambda: by_hand(
            SGD, {"lr": 0.1}, lambda o: CyclicLR(o, 0.01, 0.2, step_size_up=7, cycle_momentum=False), every_step=True
        ),
    ),
    "several steps, every epoch": (
        [*optimizer("SGD", lr=0.1), *scheduler(f"{TORCH}.MultiStepLR", milestones=[1, 3], gamma=0.1)],
        lambda: by_hand(SGD, {"lr": 0.1}, lambda o: MultiStepLR(o, [1, 3], 0.1)),
    ),
    "warm restarts, every epoch": (
        [*optimizer("SGD", lr=0.1), *scheduler(f"{TORCH}.CosineAnnealingWarmRestarts", T_0=2)],
        lambda: by_hand(SGD, {"lr": 0.1}, lambda o: CosineAnnealingWarmRestarts(o, 2)),
    ),
    "PyTorch's polynomial, every epoch": (
        [*optimizer("SGD", lr=0.1), *scheduler(f"{TORCH}.PolynomialLR", total_iters=3, power=2)],
        lambda: by_hand(SGD, {"lr": 0.1}, lambda o: PolynomialLR(o, 3, 2)),
    ),
    "PyTorch's cosine, every epoch": (
        [*optimizer("SGD", lr=0.1), *scheduler(f"{TORCH}.CosineAnnealingLR", T_max=3)],
        lambda: by_hand(SGD, {"lr": 0.1}, lambda o: CosineAnnealingLR(o, 3)),
    ),
    "cosine until the last of 50 steps": (
        [
            *optimizer("SGD", lr=0.1),
            *scheduler("app.schedules.WarmupCosine", warmup=0.0),
            *("--trainer.max_steps", "50", "--trainer.max_epochs", "100"),
        ],
        lambda: by_hand(SGD, {"lr": 0.1}, lambda o: CosineAnnealingLR(o, 50), every_step=True),
    ),
}
# Lightning's clipping and loss scaling are other operations than the loop's; all else is the same to the last bit.
INEXACT = ("accumulation over 4", "l1", "cosine until the last of 50 steps")  # PyTorch computes the cosine step by step


@pytest.mark.parametrize("case", CASES)
def test_the_weights_are_those_of_the_loop_written_by_hand(case: str, app: App) -> None:
    arguments, loop = CASES[case]
    weights = trained(app, *arguments)
    assert not isinstance(loop, MLP)
    for name, value in loop().state_dict().items():
        if case in INEXACT:
            torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-6)
        else:
            assert torch.equal(weights[name], value), name


def test_accumulation_over_4_batches_of_8_is_one_batch_of_32(app: App, folder: Path) -> None:
    sgd = [*optimizer("SGD", lr=0.1), "--data.init_args.train_size", "960"]
    small = trained(app, *sgd, "--data.init_args.batch_size", "8", "--trainer.accumulate_grad_batches", "4")
    (folder / "lightning_logs").rename(folder / "accumulated")
    large = trained(app, *sgd, "--data.init_args.batch_size", "32")
    for name, value in large.items():
        torch.testing.assert_close(small[name], value, rtol=1e-4, atol=1e-6)


def test_a_plateau_lowers_the_learning_rate_when_a_validation_is_no_better(app: App, folder: Path) -> None:
    plateau = flags(SCHEDULER, "lightning.pytorch.cli.ReduceLROnPlateau", patience=0, factor=0.1, threshold=10)
    trained(app, *plateau, f"{SCHEDULER}.init_args.monitor", "val/loss", "--trainer.check_val_every_n_epoch", "2")
    rate = torch.load(LAST, weights_only=True)["optimizer_states"][0]["param_groups"][0]["lr"]
    assert rate < 1e-3


def test_warm_up_rises_to_the_learning_rate_and_falls_to_the_floor() -> None:
    sgd = SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    schedule = WarmupCosine(sgd, warmup=0.1, floor=0.05, total_steps=100)
    rates = []
    for _ in range(100):
        rates.append(sgd.param_groups[0]["lr"])
        sgd.step()
        schedule.step()
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) == rates[10] == 2.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.1)


OVERLAYS = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem == "compile" else [])
    for path in sorted((PROJECT / "configs" / "with").glob("*.yaml"))
]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_works_on_the_config_that_it_names(
    overlay: Path, app: App, small_data: Callable[[Path], list[str]], folder: Path
) -> None:
    base = PROJECT / "configs" / f"{overlay.read_text().split(':')[0].removeprefix('# ')}.yaml"
    limits = ["--trainer.max_epochs", "2", "--trainer.limit_train_batches", "3", *small_data(base)]
    if overlay.stem == "compile":  # a small network: a large one keeps the compiler busy for a minute
        limits += [
            "--model.init_args.network",
            "app.networks.MLP",
            "--model.init_args.network.init_args.hidden_features=[]",
        ]
    result = app("fit", "--config", base, "--config", overlay, *limits)
    assert result.exit_code == 0, result.err
    run = folder / "lightning_logs" / base.stem / "version_0"
    assert (run / "checkpoints" / "best.ckpt").is_file()
    asked, ran = flat(read_tree(overlay)), flat(read_tree(run / "config.yaml"))
    if asked.pop("dashboard", ...) is None:
        assert not any(value for key, value in ran.items() if key.startswith("dashboard."))
    asked = {key: value for key, value in asked.items() if value != "auto"}  # which the data have decided
    for key, value in asked.items():
        number = isinstance(value, str) and isinstance(ran[key], float)  # 1e-3 is a text to YAML
        assert ran[key] == (float(value) if number else value), key
