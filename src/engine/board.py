"""`board`: TensorBoard on the runs of a project."""

import argparse
import contextlib
import logging
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from engine import console
from engine.commands import COMMANDS
from engine.errors import UsageError
from engine.project import program
from engine.runs import folder as runs
from engine.runs.folder import Run
from engine.settings.options import Parser

NEWEST = 10  # runs in the table, where none is named

FIRST = """
look at first
  Custom Scalars   training and validation on one chart: do both fall, and do they stay together?
  Text             diagnosis: what went wrong, if anything, and what to try
  Images           predictions against the truth, confusions and mistakes; also in the run's folder figures/
  HParams          settings and final metrics, a row for each run: which setting helped?
Ctrl-C ends it."""


def run(command: str, words: Sequence[str]) -> None:
    """Serve TensorBoard on this machine alone until it is interrupted.

    Raises:
        UsageError: If there is no such run, or no port.
    """
    options = parser(command).parse_args(words)
    names, root = [*options.runs, *(options.run or [])], Path(options.root or ".")
    if names:
        found = shown = list(dict.fromkeys(run for text in names for run in runs.find_all(text, root)))
        source = _source(found)
    else:
        found = runs.everything(root)[::-1]
        shown, source = found[:NEWEST], ["--logdir", str(root / runs.FOLDER)]
        if not found:
            raise UsageError(f"no runs in {root / runs.FOLDER}. Train one: {program()} fit --config configs/NAME.yaml")
    address = _launch(source, options.port)
    title = console.count(len(found), "run")
    if len(shown) < len(found):
        title = f"newest {len(shown)} of {title}"
    with contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does
        console.table(title, ["run", "status", "best", "diagnosis"], [[run.title, *_facts(run)] for run in shown])
        console.say(f"\nTensorBoard: {address}\n{FIRST}")
        threading.Event().wait()


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of the command, which has no settings."""
    usage = f"{program()} {command} [RUN ...] [--port PORT]"
    parser = Parser(prog=f"{program()} {command}", usage=usage, allow_abbrev=False, description=COMMANDS[command].help)
    add = parser.add_argument
    add("runs", nargs="*", metavar="RUN", help="show these runs only: a folder, product/version_3, product, a study")
    add("--run", nargs="+", action="extend", metavar="RUN", help="the same")
    add("--port", type=int, help="port on this machine (default: a free one from 6006 on)")
    add("--trainer.default_root_dir", dest="root", metavar="DIR", help="folder that holds lightning_logs (default: .)")
    return parser


def _source(found: list[Run]) -> list[str]:
    """Return TensorBoard's options for these runs alone."""
    odd = [run for run in found if {",", ":"} & set(str(run.folder))]  # which separate the runs
    if odd and len(found) > 1:
        raise UsageError(f"{odd[0].folder} can only be shown alone: its path has a comma or a colon")
    if odd:
        return ["--logdir", str(odd[0].folder)]
    return ["--logdir_spec", ",".join(f"{run.name}/{run.folder.resolve().name}:{run.folder}" for run in found)]


def _launch(source: list[str], port: int | None) -> str:
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    from tensorboard import default, program  # takes a second

    server = program.TensorBoard(default.get_plugins())
    # On this machine alone; its own loader, for the fast one is a separate program that announces itself.
    alone = ["--host", "127.0.0.1", "--load_fast", "false", *(["--port", str(port)] if port is not None else [])]
    server.configure([None, *source, *alone])
    try:
        address: str = server.launch()
    except program.TensorBoardServerException as error:
        raise UsageError(" ".join(str(error).split())) from error
    return address


def _facts(run: Run) -> list[str]:
    record = run.record()
    best = record.get("best") or {}
    value = f"{best['monitor']} {console.number(best['score'])}" if best.get("monitor") else "newest"
    score = f"{value} (epoch {best['epoch']})" if best else "-"
    findings = record.get("diagnosis")
    names = "-" if findings is None else "; ".join(text.split(":")[0] for text in findings) or "healthy"
    return [run.status, score, names]
