"""Kills a study at random moments, runs its command again until it ends, and looks whether anything differs.

    .venv/bin/python scripts/proofs/torture_study.py --kills 30

Kills the coordinator, a worker, or both (SIGKILL), or asks the coordinator to stop (SIGTERM, Ctrl-C). Compares each run
with that of a study left alone, bit for bit, as torture.py does, and the scores of the report. A run that had finished
must not have been trained again, none may be missing, and no worker may outlive its coordinator. Prints a row of a
Markdown table; exit code 1 if anything was lost. Linux and macOS.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from kills import SAVE_OFTEN, record
from torture import CONFIGS, differences

KINDS = ("coordinator", "worker", "both", "SIGTERM", "Ctrl-C")
PATIENCE = 90.0  # seconds in which a study must save its runs, or workers end
STUDY = f"""
config: {CONFIGS / "product.yaml"}
settings:
  {{dashboard: null, trainer.max_epochs: 150, model.network.dropout: 0.1, {SAVE_OFTEN[0][2:]}: {SAVE_OFTEN[1]}}}
seeds: 2
baseline: adam
variants:
  adam: {{}}
  sgd: {{settings: {{model.optimizer: torch.optim.SGD, model.optimizer.lr: 0.01}}}}
  large: {{settings: {{model.optimizer.lr: 1e+10}}}}
"""


def main() -> int:
    """Torture as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("study.yaml").write_text(STUDY)
        command = [sys.executable, "-m", "app", "study", "study.yaml", "--workers", str(options.workers), "--name"]
        begin = time.monotonic()
        if code := start([*command, "reference"]).wait():
            raise SystemExit(f"the study cannot be run: exit code {code}: {Path('output.txt').read_text()}")
        whole = time.monotonic() - begin
        kills: Counter[str] = Counter()
        lost: list[str] = []
        studies = 0
        while kills.total() < options.kills and not lost:
            studies += 1
            lost += torture([*command, f"study_{studies}"], kills, options.kills, chance, whole)
            lost = lost or compared(Path("lightning_logs/reference"), Path(f"lightning_logs/study_{studies}"))
        if lost:
            print(Path("output.txt").read_text(), file=sys.stderr)
    print("| kills | " + " | ".join(KINDS) + " | studies | lost |\n|" + " --- |" * (len(KINDS) + 3))
    row = [kills.total(), *(kills[kind] for kind in KINDS), studies, "; ".join(lost) or "nothing"]
    print("| " + " | ".join(map(str, row)) + " |")
    return min(len(lost), 1)


def torture(command: list[str], kills: "Counter[str]", enough: int, chance: random.Random, whole: float) -> list[str]:
    """Run a study until it ends, killing it at random moments; return what went wrong."""
    lost: list[str] = []
    finished: dict[Path, Any] = {}
    folder = Path("lightning_logs", command[-1])
    while True:
        process = start(command)
        while kills.total() < enough:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, whole / 2))
            if process.poll() is not None:
                break
            kind, children = chance.choice(KINDS), workers(process.pid)
            if kill(kind, process, children, chance):
                kills[kind] += 1
                print(f"kill {kills.total()}: {kind}", file=sys.stderr, flush=True)
            if kind != "worker":
                process.wait(PATIENCE)
                lost += [f"a worker outlives its coordinator after {kind}" for pid in children if not gone(pid)]
        code = process.wait(whole + 2 * PATIENCE)
        for path, stamp in finished.items():
            if not path.is_file() or stamp != of(path):
                lost.append(f"{path.parent} was trained again")
        finished = {path: of(path) for path in folder.glob("*/*/run.json") if of(path)}
        if code == 0 or lost:
            return lost
        if code > 0 and code not in (130, 143):
            return [*lost, f"exit code {code}"]


def kill(kind: str, process: "subprocess.Popen[bytes]", children: list[int], chance: random.Random) -> bool:
    """Send the signals of a kind; return whether there was something to send them to."""
    if kind in ("SIGTERM", "Ctrl-C"):
        process.send_signal(signal.SIGTERM if kind == "SIGTERM" else signal.SIGINT)
        return True
    if kind == "coordinator":
        process.kill()
        return True
    if not children:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(chance.choice(children), signal.SIGKILL)
    if kind == "both":
        process.kill()
    return True


def of(path: Path) -> Any:
    """Return what is no longer to change of a run that has finished; None for one that has not."""
    facts = record(path.parent)
    checkpoint = path.parent / "checkpoints" / "last.ckpt"
    return (facts.get("started"), checkpoint.stat().st_mtime) if facts.get("status") == "finished" else None


def compared(reference: Path, study: Path) -> list[str]:
    """Return what differs between two studies."""
    a, b = (sorted(path.relative_to(folder) for path in folder.glob("*/version_*")) for folder in (reference, study))
    lost = [] if a == b else [f"runs {a} and {b}"]
    states = [json.loads((folder / "study.json").read_text()) for folder in (reference, study)]
    lost += [f"{key} in study.json" for key in ("state", "runs") if states[0][key] != states[1][key]]
    scores = [metrics(folder) for folder in (reference, study)]
    lost += [] if scores[0] == scores[1] else ["scores of the report"]
    for run in a:
        if (reference / run / "test.json").is_file():
            lost += [f"{run}: {what}" for what in differences(reference / run, study / run)]
            same = (reference / run / "test.json").read_bytes() == (study / run / "test.json").read_bytes()
            lost += [] if same else [f"{run}: test.json"]
    return lost


def metrics(study: Path) -> list[Any]:
    """Return what the report says: metrics of each group, and differences to the baseline."""
    from engine.comparison.compare import compare
    from engine.runs.folder import Run

    runs = [Run(path.parent) for path in sorted(study.glob("*/*/config.yaml"))]
    found = compare(runs, f"{study.name}/adam/version_0").as_json()
    groups = [(group["name"].rpartition("/")[2], group["metrics"]) for group in found["groups"]]
    return [groups, [{**each, "group": None, "baseline": None} for each in found["differences"]]]


def start(command: list[str]) -> "subprocess.Popen[bytes]":
    """Start a command, its output in a file; Ctrl-C of this terminal does not reach it."""
    with Path("output.txt").open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)


def workers(pid: int) -> list[int]:
    """Return the processes that a coordinator has started to train."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == pid and "spawn_main" in row[2]]


def gone(pid: int) -> bool:
    """Return whether a process ends within a while."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if not state.strip() or state.startswith("Z"):
            return True
        time.sleep(0.2)
    return False


if __name__ == "__main__":
    sys.exit(main())
