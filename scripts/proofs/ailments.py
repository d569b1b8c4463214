"""Measures what the diagnosis finds: 60 short trainings with known ailments and 60 healthy ones, drawn from seeds.

PYTHONPATH=src python scripts/proofs/ailments.py               # tables for docs/diagnosis.md, three minutes
PYTHONPATH=src python scripts/proofs/ailments.py --runs tune   # as many others, on which limits and rules were tuned
"""

import argparse
import logging
import math
import random
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from typing import Any

import torch
from lightning.pytorch import Trainer, seed_everything
from torch import Tensor, nn, optim
from torch.optim import lr_scheduler

from app.data.generated import Generated
from app.networks import MLP
from app.schedules import WarmupCosine
from app.tasks import Classification, Regression
from engine.diagnosis.watch import Diagnosis
from engine.training.loop import FastLoop

Draw = random.Random
FIRST = {"tune": 0, "report": 6000}  # number of the first run: other numbers, other runs


@dataclass
class Plan:
    """Settings of one training; an ailment changes some of those of a healthy one.

    Args:
        target: What is learned: a function in FUNCTIONS (regression) or in LABELS (classification).
        noise: Standard deviation of noise over that of the target, or fraction of labels drawn at random.
        change: Applied to the network before training.
    """

    target: str = "product"
    noise: float = 0.0
    size: int = 600
    batch: int = 50
    steps: int = 1200
    hidden: list[int] = field(default_factory=lambda: [32, 32])
    activation: str = "relu"
    batch_norm: bool = False
    dropout: float = 0.0
    optimizer: str = "adam"
    lr: float = 1e-2
    l1: float = 0.0
    schedule: str = "none"
    clip: float | None = None
    seed: int = 0
    change: Callable[[nn.Module], None] | None = None

    @property
    def epochs(self) -> int:
        """Epochs of the training."""
        return max(4, round(self.steps / math.ceil(self.size / self.batch)))


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "product": lambda x: x[:, 0] * x[:, 1],
    "linear": lambda x: x @ torch.linspace(-1, 1, x.shape[1]),
    "sine": lambda x: torch.sin(2 * x[:, 0]) + 0.3 * x[:, 1],
    "square": lambda x: x[:, 0] ** 2 - x[:, 1],
}
LABELS: dict[str, Callable[[Tensor], Tensor]] = {
    "circle": lambda x: (x.norm(dim=1) > 1.2).long(),
    "xor": lambda x: (x[:, 0] * x[:, 1] > 0).long(),
    "sectors": lambda x: ((torch.atan2(x[:, 1], x[:, 0]) / math.pi + 1) * 1.999).long(),
    "half": lambda x: (x.sum(1) > 0).long(),
}
# A learning rate at which each optimizer learns these tasks in a thousand steps, and the class.
OPTIMIZERS: dict[str, tuple[float, Callable[..., Any]]] = {
    "adam": (5e-3, optim.Adam),
    "adamw": (5e-3, optim.AdamW),
    "sgd": (0.1, optim.SGD),
    "momentum": (0.02, partial(optim.SGD, momentum=0.9)),
    "rmsprop": (2e-3, optim.RMSprop),
}


class Drawn(Generated):
    """Standard normal inputs (N, 2) and a target of a plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(train_size=plan.size, val_size=300, batch_size=plan.batch)
        self.plan = plan

    def draw(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return inputs and targets with noise."""
        plan, inputs = self.plan, torch.randn(size, 2, generator=random)
        if plan.target in LABELS:
            labels = LABELS[plan.target](inputs)
            other = torch.randint(int(labels.max()) + 1, labels.shape, generator=random)
            return inputs, torch.where(torch.rand(size, generator=random) < plan.noise, other, labels)
        exact = FUNCTIONS[plan.target](inputs)
        return inputs, (exact + plan.noise * exact.std() * torch.randn(size, generator=random))[:, None]


def schedule(plan: Plan) -> Callable[..., Any] | None:
    """Return a schedule that takes an optimizer; decays that end too early begin with "early"."""
    steps = plan.epochs * math.ceil(plan.size / plan.batch)
    made: dict[str, Callable[..., Any]] = {
        "cosine": partial(lr_scheduler.CosineAnnealingLR, T_max=plan.epochs),
        "warmup": partial(WarmupCosine, total_steps=steps),
        "one_cycle": partial(lr_scheduler.OneCycleLR, max_lr=plan.lr, total_steps=steps),
        "step": partial(lr_scheduler.StepLR, step_size=max(1, plan.epochs // 3), gamma=0.3),
        "exponential": partial(lr_scheduler.ExponentialLR, gamma=0.02 ** (1 / plan.epochs)),
        "early_step": partial(lr_scheduler.StepLR, step_size=max(1, plan.epochs // 20), gamma=0.1),
        "early_exponential": partial(lr_scheduler.ExponentialLR, gamma=1e-4 ** (6 / plan.epochs)),
    }
    return made.get(plan.schedule)


def healthy(draw: Draw) -> Plan:
    """Return a training that learns what there is to learn."""
    target = draw.choice([*FUNCTIONS, *LABELS])
    optimizer = draw.choice([*OPTIMIZERS])
    return Plan(
        target=target,
        noise=draw.choice([0, 0.05, 0.1] if target in LABELS else [0, 0.1, 0.3]),
        size=draw.choice([600, 1000, 1500]),
        batch=draw.choice([20, 50, 100]),
        steps=draw.choice([800, 1200, 1600]),
        hidden=draw.choice([[32], [16, 16], [64, 32], [32, 32, 32]]),
        activation=draw.choice(["relu", "relu", "tanh", "gelu", "silu", "leaky_relu"]),
        batch_norm=draw.random() < 0.2,
        dropout=draw.choice([0, 0, 0, 0.1]),
        optimizer=optimizer,
        lr=OPTIMIZERS[optimizer][0] * draw.choice([1, 1.5, 2]),
        l1=draw.choice([0, 0, 0, 1e-4]),
        schedule=draw.choice(["none", "none", "cosine", "warmup", "one_cycle", "step", "exponential"]),
        clip=draw.choice([None, None, 1.0]),
        seed=draw.randrange(10**6),
    )


def too_small_rate(plan: Plan, draw: Draw) -> None:
    """Make steps a thousand to a million times too short."""
    plan.lr, plan.schedule, plan.clip = OPTIMIZERS[plan.optimizer][0] * 10 ** draw.uniform(-6, -3), "none", None


def too_large_rate(plan: Plan, draw: Draw) -> None:
    """Make steps far too long."""
    plan.optimizer = draw.choice(["adam", "sgd", "momentum", "rmsprop"])
    plan.lr = OPTIMIZERS[plan.optimizer][0] * 10 ** draw.uniform(2.2, 3.5)
    plan.schedule, plan.clip, plan.batch_norm = "none", None, False


def oscillating(plan: Plan, draw: Draw) -> None:
    """Make steps a little too long to settle, in a regression."""
    plan.target = draw.choice([*FUNCTIONS])
    plan.optimizer, factor = draw.choice([("momentum", 20), ("rmsprop", 60), ("adam", 60)])
    plan.lr, plan.schedule = OPTIMIZERS[plan.optimizer][0] * factor * draw.uniform(0.8, 2), "none"
    plan.clip, plan.batch_norm = None, False


def zero_weights(plan: Plan, draw: Draw) -> None:
    """Begin with weights that are all the same, zero or not."""
    value, plan.batch_norm, plan.dropout = draw.choice([0.0, 0.0, 0.05]), False, 0.0

    def change(network: nn.Module) -> None:
        for parameter in network.parameters():
            nn.init.constant_(parameter, value)

    plan.change = change


def dead_units(plan: Plan, draw: Draw) -> None:
    """Begin with a layer of ReLU that is never above zero, but for one unit perhaps."""
    plan.activation, plan.batch_norm, alive = "relu", False, draw.choice([0, 1, 2])
    place = draw.randrange(len(plan.hidden))

    def change(network: nn.Module) -> None:
        layer = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][place]
        nn.init.constant_(layer.bias[alive:], -30.0)

    plan.change = change


def vanishing(plan: Plan, draw: Draw) -> None:
    """Take many layers of sigmoid."""
    plan.activation, plan.batch_norm, plan.dropout, plan.l1 = "sigmoid", False, 0.0, 0.0
    plan.hidden = [draw.choice([8, 16, 32])] * draw.randint(8, 12)


def exploding(plan: Plan, draw: Draw) -> None:
    """Begin with weights so large that gradients grow from layer to layer."""
    plan.hidden, plan.activation, plan.batch_norm = (
        [32] * draw.randint(3, 5),
        draw.choice(["relu", "leaky_relu"]),
        False,
    )
    plan.clip, plan.target, factor = draw.choice([None, 1.0]), draw.choice([*FUNCTIONS]), draw.uniform(6, 12)

    def change(network: nn.Module) -> None:
        for parameter in network.parameters():
            parameter.data *= factor

    plan.change = change


def overfit(plan: Plan, draw: Draw) -> None:
    """Learn few noisy samples by heart."""
    plan.noise = draw.uniform(0.3, 0.5) if plan.target in LABELS else draw.uniform(0.6, 1.2)
    plan.size, plan.batch, plan.steps = draw.choice([20, 40, 60]), 10, 2000
    plan.hidden, plan.activation = draw.choice([[256, 256], [128, 128, 128]]), draw.choice(["relu", "tanh", "gelu"])
    plan.dropout, plan.l1, plan.batch_norm, plan.clip = 0.0, 0.0, False, None
    plan.optimizer, plan.schedule = draw.choice(["adam", "rmsprop"]), draw.choice(["none", "cosine"])
    plan.lr = OPTIMIZERS[plan.optimizer][0]


def underfit(plan: Plan, draw: Draw) -> None:
    """Take a network that is too small for the target."""
    plan.target, plan.hidden, plan.dropout = draw.choice(["product", "circle", "xor", "sine"]), [], 0.0
    if plan.target == "product":
        plan.hidden = draw.choice([[], [1]])
    if plan.target == "sine":
        plan.noise = 0.5


def early_decay(plan: Plan, draw: Draw) -> None:
    """Let the learning rate decay to nothing in a fraction of the training."""
    plan.schedule = draw.choice(["early_step", "early_exponential"])


@dataclass(frozen=True)
class Ailment:
    """A kind of ailing run.

    Args:
        name: What is wrong.
        change: Makes it so in a healthy plan.
        names: Findings that name it.
    """

    name: str
    change: Callable[[Plan, Draw], None]
    names: tuple[str, ...]


TOO_LONG = (
    "loss oscillating",
    "loss not falling",
    "loss not finite",
    "gradients exploding",
    "dead ReLU units",
    "units saturated",
)
AILMENTS = (
    Ailment("learning rate too small", too_small_rate, ("weights hardly change", "loss not falling", "underfitting")),
    Ailment("learning rate too large", too_large_rate, TOO_LONG),
    Ailment("learning rate a little too large", oscillating, TOO_LONG),
    Ailment("equal initial weights", zero_weights, ("weights all zero", "weights all alike")),
    Ailment("dead ReLU units", dead_units, ("dead ReLU units",)),
    Ailment("vanishing gradients", vanishing, ("gradients vanishing",)),
    Ailment("exploding gradients", exploding, ("gradients exploding", "loss not finite")),
    Ailment("overfitting", overfit, ("overfitting",)),
    Ailment("underfitting", underfit, ("underfitting", "loss not falling")),
    Ailment("learning rate decays too early", early_decay, ("learning rate decayed to nothing",)),
)


def trained(plan: Plan) -> Diagnosis:
    """Train, and return the diagnosis."""
    seed_everything(plan.seed, verbose=False)
    data = Drawn(plan)
    classes = {"sectors": 4}.get(plan.target, 2) if plan.target in LABELS else 1
    network = MLP(2, plan.hidden, classes, plan.activation, plan.dropout if plan.hidden else 0.0, plan.batch_norm)  # type: ignore[arg-type]  # one of those
    if plan.change:
        plan.change(network)
    optimizer = partial(OPTIMIZERS[plan.optimizer][1], lr=plan.lr)
    made = schedule(plan)
    task: Classification | Regression
    if plan.target in LABELS:
        task = Classification(network, optimizer, made, num_classes=classes, l1=plan.l1)
    else:
        task = Regression(network, optimizer, made, l1=plan.l1)
    diagnosis = Diagnosis()
    trainer = Trainer(
        accelerator="cpu",
        callbacks=[FastLoop(), diagnosis],
        gradient_clip_val=plan.clip,
        max_epochs=plan.epochs,
        check_val_every_n_epoch=max(1, plan.epochs // 50),
        **dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False),  # type: ignore[arg-type]
    )
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(task, datamodule=data)
    return diagnosis


@dataclass
class Outcome:
    """What was found in a run."""

    plan: Plan
    diagnosis: Diagnosis

    @property
    def names(self) -> list[str]:
        """Names of the findings."""
        return [finding.name for finding in self.diagnosis.findings]


def run(kind: str, number: int, change: Callable[[Plan, Draw], None] | None) -> Outcome:
    """Train the run of a kind with a number, which is all that it depends on."""
    draw = Draw(f"{kind} {number}")
    plan = healthy(draw)
    if change:
        change(plan, draw)
    return Outcome(plan, trained(plan))


def main() -> None:
    """Train all, and print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", choices=[*FIRST], default="report")
    parser.add_argument("--verbose", action="store_true", help="a line for each run that is not as it should be")
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    start = time.process_time()

    def outcomes(kind: str, count: int, change: Callable[[Plan, Draw], None] | None) -> list[Outcome]:
        first = FIRST[arguments.runs]
        found = [run(kind, number, change) for number in range(first, first + count)]
        if arguments.verbose:
            names = next((ailment.names for ailment in AILMENTS if ailment.name == kind), ())
            for outcome in found:
                if (not names and outcome.names) or (names and not {*names} & {*outcome.names}):
                    print(kind, outcome.plan, outcome.diagnosis.findings, outcome.diagnosis.verdict, sep="\n  ")
        return found

    print("| ailment | findings that name it | runs | found | missed |\n| --- | --- | --- | --- | --- |")
    total, hits = 0, 0
    for ailment in AILMENTS:
        if arguments.only not in ailment.name:
            continue
        found = outcomes(ailment.name, 6, ailment.change)
        hit = sum(bool({*ailment.names} & {*outcome.names}) for outcome in found)
        total, hits = total + len(found), hits + hit
        print(
            f"| {ailment.name} | {', '.join(ailment.names)} | {len(found)} | {hit} | {len(found) - hit} |", flush=True
        )
    print(f"| all | | {total} | {hits} ({hits / max(1, total):.0%}) | {total - hits} |")
    if arguments.only not in "healthy":
        return
    well = outcomes("healthy", 60, None)
    alarms = Counter(name for outcome in well for name in outcome.names)
    wrong = sum(bool(outcome.names) for outcome in well)
    print(f"\nFalse alarms in {len(well)} healthy runs: {wrong} ({wrong / len(well):.1%}). {dict(alarms) or ''}")
    print(f"\n{time.process_time() - start:.0f} s of processor time")


if __name__ == "__main__":
    main()
