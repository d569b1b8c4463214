"""Measures the shipped configs: trains each over several seeds in a folder of its own and scores it on its test split.

    .venv/bin/python scripts/proofs/measure.py configs/product.yaml --seeds 5 --write [-- --data.root FOLDER]

Prints a row of a Markdown table for each config: median and range of every test metric, the median time of `fit` as a
whole process, and what the diagnosis found in any seed. With --write, the first line of the
config says the result, after what the config is about.
Run nothing beside it.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PARTS = re.compile("test/(accuracy|average_precision|f1|mae|r2)_")


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="*", type=Path, help="configs to measure (default: all)")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument("--write", action="store_true", help="write the result into the first line of each config")
    ours, _, overrides = " ".join(sys.argv[1:]).partition("-- ")
    options = parser.parse_args(ours.split())
    for config in options.configs or sorted((PROJECT / "configs").glob("*.yaml")):
        measure(config.resolve(), options.seeds, overrides.split(), options.write)


def measure(config: Path, seeds: int, overrides: list[str], write: bool) -> None:
    """Print one config's row."""
    overrides = [str(Path(word).resolve()) if Path(word).is_dir() else word for word in overrides]
    runs = [run(config, seed, overrides) for seed in range(seeds)]
    # Losses are in units that no two tasks share, and the metrics of single classes, labels or targets fill a page.
    names = [name for name in runs[0] if name not in ("test/loss", "seconds", "diagnosis") and not PARTS.match(name)]
    texts = [f"{name.removeprefix('test/')} {spread([run[name] for run in runs])}" for name in names]
    took = statistics.median(float(run["seconds"]) for run in runs)
    unwell = [f"seed {seed}: {run['diagnosis']}" for seed, run in enumerate(runs) if run["diagnosis"]]
    result = ", ".join(texts) + (f" (median of {seeds} seeds and range)" if seeds > 1 else " (one seed)")
    diagnosis = "; ".join(unwell) or "healthy"
    print(f"| `{config.stem}` | {result} | {took:.0f} s | {hardware()} | {diagnosis} |", flush=True)  # its output
    if write:
        lines = config.read_text(encoding="utf-8").splitlines()
        about = lines[0].partition(": test ")[0]
        lines[0] = f"{about}: test {result}; {took:.0f} s on {hardware()}"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(config: Path, seed: int, overrides: list[str]) -> dict[str, Any]:
    """Train and test one seed; return the test metrics, the seconds of `fit` and what the diagnosis found."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        app(folder, "fit", "--config", str(config), "--seed_everything", str(seed), *overrides)
        seconds = time.perf_counter() - begin
        app(folder, "test", "--run", config.stem)
        found = next(Path(folder).rglob("test.json"))
        scores, record = (json.loads(found.with_name(name).read_text()) for name in ("test.json", "run.json"))
    return {**scores, "seconds": seconds, "diagnosis": ", ".join(record["diagnosis"])}


def app(folder: str, *arguments: str) -> None:
    """Run one command of the project."""
    subprocess.run([sys.executable, "-m", "app", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def spread(values: list[float]) -> str:
    """Return the median and the range of some values, or the only one."""
    if min(values) == max(values):
        return f"{values[0]:.4g}"
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def hardware() -> str:
    """Return the number of cores and the name of the processor."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = models[0] if models else cpu
    return f"{os.cpu_count()} CPU cores, {cpu}"


if __name__ == "__main__":
    main()
