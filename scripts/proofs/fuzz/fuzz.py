"""Gives the commands broken configs, tables, texts, images, checkpoints and runs, and looks how they take it.

    .venv/bin/python scripts/proofs/fuzz/fuzz.py --cases 500 --seed 0   # a table of exit codes by kind, and failures
    .venv/bin/python scripts/proofs/fuzz/fuzz.py --seed 0 --case 17     # one case again, with what it printed

A case fails if it ends with a traceback, another exit code than the README names, more than five lines or a warning;
if it takes more than a minute or 4 GB; if it runs what a file says; or if something is left of a command that was
refused. Needs Linux: each case runs in a copy of this process.
"""

import argparse
import contextlib
import io
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import broken_files
import mutations
import torch
import yaml
from PIL import Image

from app.__main__ import PROJECT as APP
from engine.main import run

PROJECT = Path(__file__).resolve().parents[3]
KINDS = ("config", "yaml", "words", "data", "data", "checkpoint", "checkpoint", "run")
TEMPLATES = {
    "product": ["--data.train_size", "100"],
    "tabular": ["--data.path", "data/houses.csv"],
    "tabular_classes": ["--data.path", "data/fruit.csv"],
    "chars": [
        "--data.path",
        "data/text.txt",
        "--data.window",
        "5",
        "--model.length",
        "5",
    ],
    "image_folder": ["--data.root", "data/images", "--data.image_size", "16"],
}
# Whatever a case changes, it trains for seconds and in one process.
SHORT = {
    "trainer.max_epochs": "2",
    "trainer.limit_train_batches": "3",
    "trainer.devices": "1",
    "trainer.num_nodes": "1",
    "trainer.accelerator": "cpu",
    "trainer.strategy": "auto",
}
PINNED = [word for key, value in SHORT.items() for word in (f"--{key}", value)]
SECONDS, MEGABYTES, LINES, WIDTH = 60, 4000, 5, 700
ENDS = {0, 2, 3, 4}


@dataclass(frozen=True)
class Case:
    """A command in a folder that something is wrong with.

    Args:
        kind: One of KINDS.
        what: In words, what is wrong.
        words: The command line.
    """

    kind: str
    what: str
    words: list[str]


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Args:
        code: Exit code, negative for a signal.
        out: What it printed.
        err: What it complained about.
        seconds: How long it took.
        megabytes: Most memory that it had.
    """

    code: int
    out: str
    err: str
    seconds: float = 0.0
    megabytes: float = 0.0


def prepare(folder: Path, names: Iterable[str]) -> None:
    """Make data for some templates, and train a run of each."""
    for name in names:
        data = folder / name / "data"
        (data / "images").mkdir(parents=True)
        examples = PROJECT / "src" / "app" / "data" / "examples"
        for table in ("houses.csv", "fruit.csv"):
            rows = (examples / table).read_text().splitlines()
            (data / table).write_text("\n".join(rows[:1] + rows[1:121]) + "\n")
        (data / "text.txt").write_text((examples / "stories.txt").read_text()[:600])
        for label, colour in enumerate(("blue", "red")):
            (data / "images" / colour).mkdir()
            for row in range(12):
                Image.new("RGB", (8 + row, 12), (row, 9, 200 * label)).save(data / "images" / colour / f"{row}.png")
        config = yaml.safe_load((PROJECT / "configs" / f"{name}.yaml").read_text())
        small: dict[str, object] = {"embedding": 4, "hidden": 8} if name == "chars" else {}
        small = {"channels": [4, 4], "hidden_features": [8]} if name == "image_folder" else small
        config["model"]["init_args"]["network"]["init_args"] |= small
        if name != "tabular_classes":  # one with a schedule is enough: its runs do not resume with more epochs
            config["model"]["init_args"].pop("lr_scheduler", None)
        (folder / name / "mine.yaml").write_text(yaml.dump(config))
        quiet = PROJECT / "configs" / "with" / "no_dashboard.yaml"
        with contextlib.chdir(folder / name):
            words = [
                "fit",
                "--config",
                "mine.yaml",
                "--config",
                str(quiet),
                "--name",
                "mine",
                *TEMPLATES[name],
                *PINNED,
            ]
            assert run(APP, words) == 0, name
            shutil.copy("lightning_logs/mine/version_0/config.yaml", "mine.yaml")


def make(folder: Path, name: str) -> Case:
    """Break something in a folder of a template."""
    rng = random.Random(name)
    kind = KINDS[int(name.split("/")[1]) % len(KINDS)]
    run = folder / "lightning_logs" / "mine" / "version_0"
    fit = ["fit", "--config", "mine.yaml", "--name", "new", *PINNED]
    whole = ["--run", "mine", "--trainer.devices", "1", "--trainer.accelerator", "cpu"]
    evaluate = [rng.choice(["test", "predict", "validate"]), *whole]
    resume = ["fit", *whole, "--trainer.max_epochs", "4"]
    if rng.random() < 0.1:
        fit += ["--trainer.fast_dev_run", "1"]
    if kind in ("config", "yaml"):
        what = (mutations.config_tree if kind == "config" else mutations.config_text)(folder / "mine.yaml", rng)
        words = rng.choice([fit, fit, fit, [evaluate[0], "--config", "mine.yaml", *evaluate[1:]]])
    elif kind == "words":
        settings = yaml.safe_load((folder / "mine.yaml").read_text())
        keys = [".".join(map(str, path)) for path in mutations.places(settings)]
        more = [f"--{rng.choice(keys)}", str(mutations.weird(rng))]
        more = rng.choice(
            [more, more, [more[0]], ["=".join(more)], [more[1]], [f"{more[0]}+", more[1]], [more[0] + "x", more[1]]]
        )
        what, words = " ".join(more), [*rng.choice([fit, fit, evaluate, resume]), *more]
    elif kind == "data":
        what = broken_data(folder, rng)
        words = rng.choice([fit, fit, evaluate, resume])
    else:
        parts = ["run.json", "config.yaml", "metrics.csv"]
        file = (
            run / rng.choice(parts) if kind == "run" else run / "checkpoints" / rng.choice(["best.ckpt", "last.ckpt"])
        )
        what = file.name + " " + (broken_files.record if kind == "run" else broken_files.checkpoint)(file, rng)
        init = ["fit", "--init_from", "mine", "--name", "new", *PINNED]
        given = [evaluate[0], "--ckpt_path", str(file.relative_to(folder))]
        own = [evaluate, [*evaluate, "--ckpt_path", "last"], resume, resume, init]
        words = rng.choice(own if kind == "run" else [*own, given])
    return Case(kind, what, words)


def broken_data(folder: Path, rng: random.Random) -> str:
    """Break the data that a template uses."""
    name, data = folder.name.split("-")[0], folder / "data"
    if name in ("product", "chars"):
        return broken_files.text(data / "text.txt", rng)
    if name == "image_folder":
        return broken_files.images(data / "images", rng)
    return broken_files.table(data / ("houses.csv" if name == "tabular" else "fruit.csv"), rng)


def template(name: str) -> str:
    """Return the template of a case; text is broken where there is text."""
    return random.Random(f"template {name}").choice(list(TEMPLATES))


def files(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder with their contents."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def wrong(case: Case, outcome: Outcome, before: dict[str, bytes], after: dict[str, bytes]) -> str | None:
    """Return what is wrong with how a command ended, None if nothing is."""
    lines = outcome.err.splitlines()
    fault = re.match(
        r"error: (.*\[Errno|.*(File name too long|Is a directory|Not a directory|File exists))", outcome.err
    )
    if outcome.seconds > SECONDS:
        return f"took more than {SECONDS} s"
    if outcome.code not in ENDS and not (outcome.code == 1 and fault):
        return f"exit code {outcome.code}"
    if "Traceback" in outcome.err + outcome.out:
        return "a traceback"
    if outcome.code == 0 and outcome.err:
        return "a complaint about nothing"
    if outcome.code and not outcome.err.startswith("error: "):
        return "no message" if not outcome.err else "something before the message"
    if len(lines) > LINES or max(map(len, lines), default=0) > WIDTH:
        return f"{len(lines)} lines, {max(map(len, lines))} characters"
    if outcome.megabytes > MEGABYTES:
        return f"{outcome.megabytes:.0f} MB"
    if any(Path(name).name == "ran" for name in after):
        return "it ran what a file says"
    records = [
        files.get(f"lightning_logs/{name}/version_0/run.json") for files in (after, before) for name in ("new", "mine")
    ]
    started = records[:2] != records[2:] and any(b'"status": "failed"' in (record or b"") for record in records[:2])
    if outcome.code in (2, 3) and case.words[0] != "fit" and after != before:
        return f"left {', '.join(name for name in after if after[name] != before.get(name))}"
    if outcome.code in (2, 3) and not started and after.keys() != before.keys():
        return f"left {', '.join(after.keys() - before.keys())}"
    return None


def isolated(words: list[str], folder: Path) -> Outcome:
    """Run a command in a copy of this process."""
    with tempfile.TemporaryDirectory() as place:
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            _child(words, folder, Path(place))
        status, usage = _wait(child, start + SECONDS)
        read = {name: (Path(place) / name).read_text("utf-8", "replace") for name in ("out", "err")}
    code = os.waitstatus_to_exitcode(status)
    return Outcome(code, read["out"], read["err"], time.monotonic() - start, usage / 1024)


def _child(words: list[str], folder: Path, place: Path) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", errors="backslashreplace")
        resource.setrlimit(resource.RLIMIT_AS, (24 * 2**30, 24 * 2**30))
        sys.argv = ["app", *words]
        code = run(APP, words)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(child: int, deadline: float) -> tuple[int, int]:
    while True:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            return status, usage.ru_maxrss
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            deadline += 1e9
        time.sleep(0.01)


def attempt(name: str, base: Path, place: Path) -> tuple[Case, Outcome, str | None]:
    """Make a case and run it."""
    folder = place / f"{template(name)}-{name.replace('/', '-')}"
    shutil.copytree(base / template(name), folder)
    case = make(folder, name)
    before = files(folder)
    outcome = isolated(case.words, folder)
    verdict = wrong(case, outcome, before, files(folder))
    shutil.rmtree(folder)
    return case, outcome, verdict


def main() -> int:
    """Run the cases that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=500, help="number of cases")
    parser.add_argument("--seed", type=int, default=0, help="seed of all of them")
    parser.add_argument("--case", type=int, help="this case alone, with what it printed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    numbers = range(options.cases) if options.case is None else [options.case]
    codes: Counter[tuple[str, int]] = Counter()
    failures = 0
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "base"
        with contextlib.redirect_stdout(io.StringIO()):
            prepare(base, TEMPLATES)
        names = [f"{options.seed}/{number}" for number in numbers]
        for name in names:
            case, outcome, verdict = attempt(name, base, Path(place))
            codes[case.kind, outcome.code] += 1
            if verdict or options.case is not None:
                failures += verdict is not None
                print(f"--seed {options.seed} --case {name.split('/')[1]}: {verdict} ({case.kind}, {template(name)})")
                print(f"  {case.what[:300]!r}\n  {' '.join(case.words)[:300]}")
                print("  " + outcome.err[-1500 if options.case is None else -20000 :].replace("\n", "\n  "), flush=True)
    table(codes)
    print(f"{len(names)} cases, {failures} failures")
    return 1 if failures else 0


def table(codes: Counter[tuple[str, int]]) -> None:
    """Print how often each kind of case ended with each exit code."""
    ends = sorted({code for _, code in codes})
    print("kind      " + "".join(f"{code:>6}" for code in ends))
    for kind in dict.fromkeys(KINDS):
        print(f"{kind:<10}" + "".join(f"{codes[kind, code]:>6}" for code in ends))


if __name__ == "__main__":
    sys.exit(main())
