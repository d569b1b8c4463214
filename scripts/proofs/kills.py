"""Trainings in processes that are killed, and what these leave behind."""

import json
import logging
import multiprocessing
import os
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
SAVE_OFTEN = ["--callbacks.checkpoint.every_minutes", "0.0005"]
# A process that has imported everything is copied for each attempt: kills are to hit training, not imports.
PROCESSES: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")


@dataclass
class Tally:
    """What happened to a task."""

    kills: int = 0
    inside: int = 0
    writing: int = 0
    runs: int = 0
    lost: list[str] = field(default_factory=list)


def await_training(process: BaseProcess, run: Path | None, title: str) -> None:
    """Wait until a run says that it trains, or ends."""
    resumes = len(record(run).get("resumed", [])) if run else -1
    while process.is_alive():
        folders = [run] if run else [path.parent for path in Path("lightning_logs", title).glob("*/run.json")]
        if folders and len(record(folders[0]).get("resumed", [])) > resumes:
            return
        time.sleep(0.002)


def record(run: Path) -> dict[str, Any]:
    """Return what run.json says."""
    path = run / "run.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def load(path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds."""
    import torch  # takes seconds: not for --help

    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Return steps and values of each curve, as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns of each kill
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def start(*arguments: str) -> BaseProcess:
    """Start a command of the project."""
    process: BaseProcess = PROCESSES.Process(target=command, args=(arguments,))
    process.start()
    return process


def command(arguments: tuple[str, ...]) -> None:
    """Run a command, its output in a file."""
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if sys.platform == "linux":  # workers of a loader begin as in a run from the command line
        multiprocessing.set_start_method("fork", force=True)
    from app.__main__ import PROJECT as project
    from engine.main import run

    sys.exit(run(project, arguments))


def wait(process: BaseProcess) -> int:
    """Return the exit code of a process, negative if it was killed."""
    process.join()
    return process.exitcode or 0
