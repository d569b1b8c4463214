"""Measured results of the shipped configs: a study over seeds for each, in its first line and in README's table.

    .venv/bin/python scripts/proofs/measure.py configs/product.yaml --seeds 5 --write [--data.root FOLDER]

Runs `fit --seeds` and `compare` in the current folder: one that was stopped goes on, what is there is not trained
again. Prints the first line of each config; with --write it is written, and README's table is made of these lines.
The time is that of a run, with as many of one thread each side by side as there are cores. Run nothing beside it.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path

from engine.comparison.summary import Summary

PROJECT = Path(__file__).resolve().parents[2]
README = PROJECT / "README.md"
VALUE = r"\w+ -?[\d.e+-]+( ± [\d.e+-]+)?"
# ABOUT: test METRIC MEAN ± SD, ... (mean ± sd of N seeds) REMARK; TIME s on HARDWARE
LINE = re.compile(
    rf"# (?P<about>.+?): test (?P<metrics>{VALUE}(, {VALUE})*) \((mean ± sd of (?P<n>\d+) seeds|one seed)\)"
    r"(?P<remark>[^;]*); (?P<time>\d+ s) on (?P<hardware>.+)"
)
PARTS = re.compile("test/(accuracy|average_precision|f1|mae|r2)_")


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="*", type=Path, help="configs to measure; none: only write README's table")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0")
    parser.add_argument("--write", action="store_true", help="write the first line of each config, and README's table")
    parser.add_argument("--busy", action="store_true", help="say that other processes ran beside it")
    options, overrides = parser.parse_known_args()
    for config in options.configs:
        about, *rest = config.read_text(encoding="utf-8").split("\n")
        line = f"{about.partition(': test ')[0]}: test {measured(config, options.seeds, overrides, options.busy)}"
        print(line, flush=True)  # its output
        if options.write:
            config.write_text("\n".join([line, *rest]), encoding="utf-8")
    if options.write:
        README.write_text(with_results(README.read_text(encoding="utf-8")), encoding="utf-8")


def measured(config: Path, seeds: int, overrides: list[str], busy: bool) -> str:
    """Train and test a config over seeds; return metrics, time and hardware."""
    app = [sys.executable, "-m", "app"]
    subprocess.run([*app, "fit", "--config", config, "--seeds", str(seeds), *overrides], check=True, stdout=sys.stderr)
    [group] = json.loads(subprocess.check_output([*app, "compare", config.stem, "--json"]))["groups"]
    # Losses are in units that no two tasks share, and the metrics of single classes, labels or targets fill a page.
    names = [name for name in group["metrics"] if name != "test/loss" and not PARTS.match(name)]
    texts = [str(Summary(**group["metrics"][name])).rpartition(" (")[0] for name in names]
    metrics = ", ".join(f"{name.removeprefix('test/')} {text}" for name, text in zip(names, texts, strict=True))
    number = len(group["runs"])
    records = [json.loads(Path("lightning_logs", run, "run.json").read_text("utf-8")) for run in group["runs"]]
    took = statistics.fmean(record["wall_time_s"] for record in records)
    over = f"mean ± sd of {number} seeds" if number > 1 else "one seed"
    return f"{metrics} ({over}); {took:.0f} s on {hardware(busy)}"


def with_results(text: str) -> str:
    """Return README with its rows of results, which name one config or several, made of the configs' first lines."""
    return re.sub(r"^\| (`\w+`(?:; `\w+`)*) \| .*$", lambda row: _row(row[1]), text, flags=re.MULTILINE)


def _row(names: str) -> str:
    results, times = [], []
    for name in re.findall(r"\w+", names):
        line = (PROJECT / "configs" / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[0]
        found = LINE.fullmatch(line)
        assert found, f"{name}: {line}"
        results.append(f"{found['metrics']} ({found['n'] or 1}){found['remark']}")
        times.append(found["time"])
    return f"| {names} | {'; '.join(results)} | {'; '.join(times)} |"


def hardware(busy: bool = False) -> str:
    """Return the number of cores and the name of the processor."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = models[0] if models else cpu
    return f"{os.cpu_count()} {'busy ' if busy else ''}CPU cores, {cpu}"


if __name__ == "__main__":
    main()
