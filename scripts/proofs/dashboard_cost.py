"""Measures what dashboard and diagnosis cost: the training time of a config with everything on against everything off.

    .venv/bin/python scripts/proofs/dashboard_cost.py --rounds 5 [--data FOLDER]

Both take turns in one go, on `product` and `mnist_cnn`; prints a row of a Markdown table for each. The time is that of
the training itself, as run.json has it. Run nothing beside it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def main() -> None:
    """Measure both configs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder that holds MNIST")
    options = parser.parse_args()
    print("| config | on, s | off, s | on / off |\n| --- | --- | --- | --- |", flush=True)
    root = ["--data.root", str(options.data.resolve())]
    for name, arguments in {"product": [], "mnist_cnn": root}.items():
        pairs = [[seconds(name, *arguments, *extra) for extra in ([], off())] for _ in range(options.rounds)]
        on, without = ([pair[side] for pair in pairs] for side in (0, 1))
        ratios = sorted(a / b for a, b in pairs)
        ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        row = f"| `{name}` | {statistics.median(on):.1f} | {statistics.median(without):.1f} | {ratio} |"
        print(row, flush=True)


def off() -> list[str]:
    """Return the arguments that switch everything off."""
    return ["--config", str(CONFIGS / "with" / "no_dashboard.yaml")]


def seconds(name: str, *arguments: str) -> float:
    """Train in a folder of its own; return the seconds from the first step to the end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "app", "fit", "--config", str(CONFIGS / f"{name}.yaml"), *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        record = next(Path(folder).rglob("run.json"))
        return float(json.loads(record.read_text(encoding="utf-8"))["wall_time_s"])


if __name__ == "__main__":
    main()
