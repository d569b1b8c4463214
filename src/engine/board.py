"""`board`: TensorBoard on the project's runs, and what to look at first."""

import argparse
import contextlib
import logging
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from engine import console
from engine.errors import Interrupted, UsageError
from engine.project import program
from engine.runs import folder as runs
from engine.runs.folder import Run
from engine.settings.options import Parser

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
    parser = Parser(
        prog=f"{program()} board", usage=f"{program()} board [--run RUN ...] [--port PORT]", allow_abbrev=False
    )
    parser.add_argument("--run", nargs="+", action="extend", metavar="RUN", help="show these runs only")
    parser.add_argument("--port", type=int, help="port on this machine (default: a free one from 6006 on)")
    root_help = "folder that holds lightning_logs (default: .)"
    parser.add_argument("--trainer.default_root_dir", dest="root", metavar="DIR", help=root_help)
    options = parser.parse_args(words)
    shown, source = _choose(options)
    address = _launch(source, options.port)
    signal.signal(signal.SIGTERM, _terminate)
    rows = [[run.title, *_facts(run)] for run in shown[-10:]]
    console.table(f"newest {len(rows)} of {len(shown)} runs", ["run", "status", "best", "diagnosis"], rows)
    console.say(f"\nTensorBoard: {address}\n{FIRST}")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _choose(options: argparse.Namespace) -> tuple[list[Run], list[str]]:
    """Return the runs to show, and how TensorBoard is told."""
    root = Path(options.root or ".")
    if options.run:
        chosen = [runs.find(text, root) for text in options.run]
        odd = [run for run in chosen if {",", ":"} & set(str(run.folder))]  # which separate the runs
        if odd and len(chosen) > 1:
            raise UsageError(f"{odd[0].folder} can only be shown alone: its path has a comma or a colon")
        if odd:
            return chosen, ["--logdir", str(odd[0].folder)]
        names = [f"{run.name}/{run.folder.resolve().name}:{run.folder}" for run in chosen]
        return chosen, ["--logdir_spec", ",".join(names)]
    found = runs.everything(root)
    if not found:
        raise UsageError(f"no runs in {root / runs.FOLDER}. Train one: {program()} fit --config configs/NAME.yaml")
    return found, ["--logdir", str(root / runs.FOLDER)]


def _launch(source: list[str], port: int | None) -> str:
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    from tensorboard import default, program  # takes a second

    server = program.TensorBoard(default.get_plugins())
    # On this machine alone; its own loader, for the fast one is a separate program that announces itself.
    local = ["--host", "127.0.0.1", "--load_fast", "false", *(["--port", str(port)] if port is not None else [])]
    server.configure([None, *source, *local])
    try:
        address: str = server.launch()
    except program.TensorBoardServerException as error:
        raise UsageError(" ".join(str(error).split())) from error
    return address


def _facts(run: Run) -> list[str]:
    record = run.record()
    best = record.get("best") or {}
    score = f"{best['monitor']} {console.number(best['score'])} (epoch {best['epoch']})" if best else "-"
    found = record.get("diagnosis")
    said = "-" if found is None else "; ".join(text.split(":")[0] for text in found) or "healthy"
    return [run.status, score, said]


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
