"""Kills runs at random moments, resumes them until they end, and looks whether anything differs from a run left alone.

    .venv/bin/python scripts/proofs/torture.py --kills 50 [CONFIG ...] [-- --KEY VALUE ...]
    .venv/bin/python scripts/proofs/torture.py --kills 50 --foreign

Without configs it takes three tasks: a line with dropout, characters, and images with augmentation. Checkpoints are
written many times a second, in the middle of epochs too. Compares, bit for bit, weights, optimizer, schedule and best
checkpoint, metrics.csv, the curves of TensorBoard and what run.json says. Prints a row of a Markdown table for each
task; exit code 1 if anything was lost. With --foreign it takes ordinary loaders: see foreign_loaders.py.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kills import PROCESSES, PROJECT, SAVE_OFTEN, Tally, await_training, curves, load, record, start, wait

CONFIGS = PROJECT / "configs"


def tasks(folder: Path) -> dict[str, list[str]]:
    """Return the arguments of three short trainings: a few seconds each."""
    images(folder / "images")
    return {
        "line": ["--config", str(CONFIGS / "line.yaml"), "--trainer.max_epochs=150"],
        "chars": [
            *["--config", str(CONFIGS / "chars.yaml"), "--trainer.limit_train_batches=60"],
            *["--trainer.limit_val_batches=10", "--model.network.hidden=32"],
        ],
        "images": [
            *["--config", str(CONFIGS / "image_folder.yaml"), "--config", str(CONFIGS / "with" / "augment.yaml")],
            *["--data.root", str(folder / "images"), "--data.image_size=16"],
            *["--data.batch_size=8", "--trainer.max_epochs=6"],
        ],
    }


def images(folder: Path) -> None:
    """Write three classes of small images."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    for number, name in enumerate(("blue", "green", "red")):
        (folder / name).mkdir(parents=True)
        for row in range(80):
            pixels = generator.integers(0, 100, (16, 16, 3), dtype=np.uint8)
            pixels[..., 2 - number] += 100
            Image.fromarray(pixels).save(folder / name / f"{row}.png")


def main() -> int:
    """Torture what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="*", type=Path, help="configs to train (default: three short tasks)")
    parser.add_argument("--foreign", action="store_true", help="loaders that do not know their position")
    parser.add_argument("--kills", type=int, default=50, help="kills in all, spread over the tasks")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:cut])
    chance = random.Random(options.seed)
    PROCESSES.set_forkserver_preload(["engine.settings.command_line"]) if sys.platform != "win32" else None
    if options.foreign:
        import foreign_loaders

        os.chdir(tempfile.mkdtemp())
        return foreign_loaders.torture(options.kills, chance)
    print("| task | kills | inside an epoch | while writing | runs | lost |\n| --- | --- | --- | --- | --- | --- |")
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        given = {path.stem: ["--config", str(path.resolve())] for path in options.configs}
        chosen = given or tasks(Path(folder))
        os.chdir(folder)
        for number, (name, arguments) in enumerate(chosen.items()):
            kills = options.kills // len(chosen) + (number < options.kills % len(chosen))
            tally = torture(name, [*arguments, *SAVE_OFTEN, *sys.argv[cut + 1 :]], kills, chance)
            found = "; ".join(tally.lost) or "nothing"
            row = f"| `{name}` | {tally.kills} | {tally.inside} | {tally.writing} | {tally.runs} | {found} |"
            print(row, flush=True)
            lost += len(tally.lost)
    return min(lost, 1)


def torture(name: str, arguments: list[str], kills: int, chance: random.Random) -> Tally:
    """Train a reference, then kill and resume runs of the same until there were enough kills."""
    reference = Path("lightning_logs", f"{name}_reference", "version_0")
    begin = time.monotonic()
    if code := wait(start("fit", *arguments, "--name", reference.parent.name)):
        raise SystemExit(f"{name} cannot be trained: exit code {code}, see {Path.cwd()}/output.txt")
    whole = time.monotonic() - begin
    trained = float(json.loads((reference / "run.json").read_text())["wall_time_s"])
    tally = Tally()
    while tally.kills < kills:
        tally.runs += 1
        title = f"{name}_{tally.runs}"
        run = survive(title, arguments, kills, chance, tally, max(whole - trained, 0.2), trained / 5)
        if run is not None:
            tally.lost += [f"run {tally.runs}: {what}" for what in differences(reference, run)]
    return tally


def survive(
    title: str, arguments: list[str], kills: int, chance: random.Random, tally: Tally, before: float, during: float
) -> Path | None:
    """Kill and resume one run until it ends; return its folder, or nothing if it could not go on."""
    while True:
        found = [path.parent for path in Path("lightning_logs", title).glob("*/config.yaml")]
        run = found[0] if found else None
        process = start("fit", "--run", str(run)) if run else start("fit", *arguments, "--name", title)
        if tally.kills < kills:
            if chance.random() < 0.2:  # at any moment of the start
                time.sleep(chance.uniform(0, before))
            else:
                await_training(process, run, title)
                time.sleep(chance.uniform(0, during))
            if process.is_alive():
                process.kill()
                tally.kills += 1
        code = wait(process)
        if code == 0:
            return next(path.parent for path in Path("lightning_logs", title).glob("*/config.yaml"))
        if code > 0:
            tally.lost.append(f"run {tally.runs}: exit code {code}")
            return None
        tally.writing += any(True for _ in Path("lightning_logs", title).rglob("*.part"))
        tally.inside += inside(title)


def inside(title: str) -> bool:
    """Say whether the checkpoint to resume from was saved in the middle of an epoch."""
    for path in Path("lightning_logs", title).glob("*/checkpoints/last.ckpt"):
        epochs = load(path)["loops"]["fit_loop"]["epoch_progress"]["total"]
        return bool(epochs["started"] > epochs["processed"])
    return False


def differences(reference: Path, run: Path) -> list[str]:
    """Return what differs between two runs."""
    found = []
    for name in ("last", "best"):
        a, b = (load(folder / "checkpoints" / f"{name}.ckpt") for folder in (reference, run))
        found += [
            f"{key} of {name}.ckpt"
            for key in ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step")
            if not same(a[key], b[key])
        ]
    if (reference / "metrics.csv").read_bytes() != (run / "metrics.csv").read_bytes():
        found.append("metrics.csv")
    if curves(reference) != curves(run):
        found.append("curves")
    a, b = record(reference), record(run)
    keys = ("status", "reason", "best", "epochs", "steps", "diagnosis")
    return found + [f"{key} in run.json" for key in keys if a.get(key) != b.get(key)]


def same(a: Any, b: Any) -> bool:
    """Say whether parts of checkpoints are equal to the last bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool((a == b).all()) if hasattr(a, "all") else bool(a == b)


if __name__ == "__main__":
    sys.exit(main())
