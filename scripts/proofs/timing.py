"""Runs processes and tells what they took."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from measure import PROJECT

REFERENCES = PROJECT / "scripts" / "proofs" / "references"
CONFIGS = PROJECT / "configs"
PYTHON = sys.executable


@dataclass(frozen=True)
class Taken:
    """What a process took: wall time in s, peak memory in MiB, and the seconds of the part that it timed itself."""

    process: float
    memory: float
    part: float


@dataclass(frozen=True)
class Row:
    """One comparison.

    Args:
        title: What is compared, on both sides.
        must: Greatest ratio that will do.
        aim: Ratio to aim for.
        ours: What to run for the project, in an empty folder; returns the quantity compared.
        reference: The same for the other side.
        unit: Of the quantity.
    """

    title: str
    must: float
    aim: float
    ours: Callable[[], float]
    reference: Callable[[], float]
    unit: str = "s"


@cache
def run(*command: str | Path) -> Taken:
    """Run a process to its end; in a round each runs once, for all that it is compared with."""
    begin = time.perf_counter()
    words = [str(part) for part in command]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    kibibytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Taken(took, kibibytes / 1024, _part(lines))


def _part(lines: list[str]) -> float:
    """Return the seconds that a script says it took, or those of the newest run."""
    last = lines[-1] if lines else ""
    if last.startswith("{"):
        return float(json.loads(last)["seconds"])
    records = sorted(Path.cwd().rglob("run.json"), key=lambda path: path.stat().st_mtime)
    return float(json.loads(records[-1].read_text())["wall_time_s"]) if records else float("nan")


def app(*arguments: str | Path) -> Taken:
    """Run a command of the project."""
    return run(PYTHON, "-m", "app", *arguments)


def fit(config: str, *overrides: str | Path) -> Taken:
    """Train a shipped config."""
    return app("fit", "--config", CONFIGS / f"{config}.yaml", *overrides)


def script(name: str, *arguments: str | Path) -> Taken:
    """Run a reference script."""
    return run(PYTHON, REFERENCES / f"{name}.py", *arguments)


@contextlib.contextmanager
def one_core_busy() -> Iterator[None]:
    """Keep a core busy."""
    process = subprocess.Popen([PYTHON, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def busy_product() -> float:
    """Return the seconds of training `product` while another process keeps a core busy."""
    with one_core_busy():
        return fit("product", "--name", "busy").part


def figures(row: Row, pairs: Sequence[tuple[float, float]]) -> str:
    """Return what the rounds of a comparison gave as a row of a Markdown table."""
    ratios = [ours / reference for ours, reference in pairs]
    ratio = statistics.median(ratios)
    ours, reference = (statistics.median(side) for side in zip(*pairs, strict=True))
    reached = "aim" if ratio <= row.aim else "must" if ratio <= row.must else "**missed**"
    spread = f"{ratio:.3g} ({min(ratios):.3g} to {max(ratios):.3g})"
    limits = f"{row.must:.3g} | {row.aim:.3g} | {reached}"
    return f"| {row.title} | {ours:.3g} / {reference:.3g} {row.unit} | {spread} | {limits} |"
