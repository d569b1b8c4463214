"""Kills of trainings with ordinary loaders, which do not know their position: nothing that was saved is lost.

By SIGKILL, SIGTERM and Ctrl-C at random moments. After each: the steps of last.ckpt and those that a resume begins with
never fall below those that a signal has saved; best.ckpt is never replaced by a worse one; each row of metrics.csv of a
step that was saved is still there; and at the end each step has its row and its event, once.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from kills import SAVE_OFTEN, Tally, await_training, curves, load, record, start, wait
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

STEPS = 400
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
ONE_EPOCH = ["--data.batches", str(STEPS), "--trainer.max_epochs", "1"]
TASKS = {
    "workers": ["--data.num_workers", "2", "--trainer.max_epochs", "4"],
    "iterable": ["--data.iterable", "true", "--trainer.max_epochs", "2"],
    "one_epoch": [*ONE_EPOCH, "--trainer.val_check_interval", "0.1"],
    "max_steps": ["--data.iterable", "true", "--trainer.max_steps", str(STEPS), "--trainer.val_check_interval", "50"],
    "max_time": [*ONE_EPOCH, "--trainer.val_check_interval", "50"],
}


class Plain(LightningModule):
    """A small network; a step takes some milliseconds, so that kills hit training."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch, and log it."""
        time.sleep(0.005)
        loss = nn.functional.mse_loss(self.network(batch[0]), batch[1])
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Log the loss of a batch."""
        time.sleep(0.01)
        self.log("val/loss", nn.functional.mse_loss(self.network(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class Samples(IterableDataset[tuple[Tensor, Tensor]]):
    """Random samples without a number that is known."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Draw the samples."""
        for _ in range(self.count):
            inputs = torch.randn(4)
            yield inputs, inputs.sum().reshape(1)


class Data(LightningDataModule):
    """Batches of four samples, from tensors or from an iterable."""

    def __init__(self, batches: int = STEPS // 4, num_workers: int = 0, iterable: bool = False) -> None:
        super().__init__()
        self.batches = batches
        self.num_workers = num_workers
        self.iterable = iterable

    def train_dataloader(self) -> Any:
        """Return an ordinary loader, with workers if asked for, or one of an iterable."""
        if self.iterable:
            return DataLoader(Samples(4 * self.batches), batch_size=4)
        return DataLoader(samples(4 * self.batches), batch_size=4, shuffle=True, num_workers=self.num_workers)

    def val_dataloader(self) -> Any:
        """Return four batches."""
        return DataLoader(samples(64), batch_size=16)


def samples(count: int) -> TensorDataset:
    """Return inputs and their sums."""
    inputs = torch.randn(count, 4, generator=torch.Generator().manual_seed(count))
    return TensorDataset(inputs, inputs.sum(1, keepdim=True))


@dataclass
class Kept:
    """What may not be lost any more."""

    steps: int = 0
    score: float = float("inf")
    rows: dict[int, dict[str, str]] = field(default_factory=dict)  # of steps that last.ckpt has

    def look(self, run: Path, stopped: bool) -> list[str]:
        """Return what a process that has ended has lost, and keep what it has added.

        Args:
            run: Folder of the run.
            stopped: Whether a signal ended it, that is, whether its last step has to be saved.
        """
        paths = [run / "checkpoints" / f"{name}.ckpt" for name in ("last", "best")]
        steps = load(paths[0])["global_step"]
        lost = [f"steps {steps} after {self.steps}"] if steps < self.steps else []
        if stopped and record(run)["steps"] != steps:
            lost.append(f"last.ckpt is of step {steps}, {record(run)['steps']} were trained")
        if paths[1].is_file():
            score = load(paths[1])["callbacks"]["BestAndLast"]["best"]["score"]
            lost += [f"best {score} after {self.score}"] if score > self.score else []
            self.score = score
        elif self.score < float("inf"):
            lost.append("best.ckpt")
        there = read_rows(run)
        lost += [
            f"row of step {step}" for step, row in self.rows.items() if not row.items() <= there.get(step, {}).items()
        ]
        # The row of the newest step may still wait in the checkpoint.
        self.rows = {step: {k: v for k, v in row.items() if v} for step, row in there.items() if step < steps - 1}
        self.steps = steps
        return lost


def read_rows(run: Path) -> dict[int, dict[str, str]]:
    """Return the complete rows of metrics.csv by their step."""
    path = run / "metrics.csv"
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    cells = [line.strip().split(",") for line in lines if line.endswith("\n")]
    rows = [dict(zip(cells[0], line, strict=True)) for line in cells[1:]]
    return {int(row["step"]): row for row in rows}


def torture(kills: int, chance: random.Random, tasks: dict[str, list[str]] = TASKS) -> int:
    """Kill and resume runs of each task; print a row of a Markdown table for each, and return the exit code."""
    print(
        "| loader | kills | signals among them | inside an epoch | runs | lost |\n| --- | --- | --- | --- | --- | --- |"
    )
    Path("plain.yaml").write_text("trainer: {accelerator: cpu, log_every_n_steps: 1}\n")
    lost = 0
    for number, (name, words) in enumerate(tasks.items()):
        tally, signals = Tally(), 0
        share = kills // len(tasks) + (number < kills % len(tasks))
        while tally.kills < share:
            tally.runs += 1
            signals += survive(f"{name}_{tally.runs}", name, words, share, chance, tally)
        found = "; ".join(tally.lost) or "nothing"
        print(f"| `{name}` | {tally.kills} | {signals} | {tally.inside} | {tally.runs} | {found} |", flush=True)
        lost += len(tally.lost)
    return min(lost, 1)


def survive(title: str, name: str, words: list[str], kills: int, chance: random.Random, tally: Tally) -> int:
    """Kill and resume one run until it ends; return how many of the kills were signals that it could answer."""
    signals, kept, seconds = 0, Kept(), 2
    model = ["--config", "plain.yaml", "--model", "foreign_loaders.Plain", "--data", "foreign_loaders.Data"]
    first = ["fit", *model, "--dashboard", "null", "--name", title, *words, *SAVE_OFTEN]
    while True:
        run = next((path.parent for path in Path("lightning_logs", title).glob("*/config.yaml")), None)
        limit = ["--trainer.max_time", f"00:00:00:{seconds:02}"] if name == "max_time" else []
        process = start("fit", "--run", str(run), *limit) if run else start(*first, *limit)
        how = ""
        if tally.kills < kills:
            if chance.random() < 0.2:  # at any moment of the start
                time.sleep(chance.uniform(0, 2))
            else:
                await_training(process, run, title)
                time.sleep(chance.uniform(0, 1.5))
            if process.is_alive() and process.pid is not None:
                how = chance.choice(list(SIGNALS))
                os.kill(process.pid, SIGNALS[how])
                tally.kills += 1
        code = wait(process)
        signals += how != "SIGKILL" and code in (130, 143)
        run = next((path.parent for path in Path("lightning_logs", title).glob("*/config.yaml")), None)
        if code not in (0, 130, 143, -9, -2, -15):
            tally.lost.append(f"{title}: exit code {code}, see {Path.cwd()}/output.txt")
            return signals
        if run is None:
            continue
        ended = record(run).get("status") == "interrupted"
        tally.lost += [f"{title}: {what}" for what in kept.look(run, stopped=code in (130, 143) and ended)]
        epochs = load(run / "checkpoints/last.ckpt")["loops"]["fit_loop"]["epoch_progress"]["total"]
        tally.inside += bool(how) and epochs["started"] > epochs["processed"]
        if code == 0 and record(run)["reason"] == "trained to the end":
            tally.lost += [f"{title}: {what}" for what in at_the_end(run, name)]
            return signals
        seconds += 2 * (code == 0)


def at_the_end(run: Path, name: str) -> list[str]:
    """Return what a run that has ended lacks: steps, or a row or an event for each of them."""
    steps = record(run)["steps"]
    lost = [f"{steps} steps"] if steps < STEPS // 2 or (name != "iterable" and steps != STEPS) else []
    rows, events = read_rows(run), [step for step, _ in curves(run)["train/loss"]]
    lost += [f"no row of step {step}" for step in range(steps) if not rows.get(step, {}).get("train/loss")]
    return lost + ([] if events == list(range(steps)) else ["events"])
