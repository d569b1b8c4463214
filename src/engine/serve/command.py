"""`serve`: an exported model behind an HTTP interface with a page, on this machine alone unless there is a token."""

import argparse
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from engine import process
from engine.commands import COMMANDS
from engine.errors import CommandError, UsageError
from engine.exported.model import ExportedModel
from engine.lazy import needed
from engine.project import current, program
from engine.runs import folder as runs
from engine.runs.folder import Run
from engine.serve.access import LOOPBACK, Access
from engine.settings.options import Parser

PORT = 8000
TRIES = 10  # ports from that on, if none is named
TOKEN = "SERVE_TOKEN"  # environment variable, which other users of a machine cannot read
LEAST = 12  # characters of a token
SLOW = 0.01  # seconds of a prediction above which all cores are faster than one


def run(command: str, words: Sequence[str]) -> None:
    """Serve a model until a signal ends it.

    Raises:
        UsageError: If there is no such run, no port, or no token where one is needed.
    """
    signal.signal(signal.SIGTERM, process.terminate)
    options = parser(command).parse_args(words)
    for module in ("onnxruntime", "fastapi", "uvicorn"):
        needed(module, "serve")
    access = _access(options)
    path = Path(options.model).expanduser() if options.model else _exported(runs.find(options.run, Path(options.root)))
    from engine.serve.predictor import Predictor

    listening = _listen(options.host, options.port)
    predictor = Predictor(ExportedModel(path, threads=1))
    from engine.serve.server import serve

    title = predictor.model.metadata.get("title", path.name)
    host = f"[{options.host}]" if ":" in options.host else options.host
    address = f"http://{host}:{listening.getsockname()[1]}/"

    def ready() -> None:
        print(f"{title}: {address} (Ctrl-C ends it)", flush=True)

    serve(predictor, access, listening, ready)


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of the command, which has no settings."""
    usage = f"{program()} {command} (--run RUN | --model FILE) [--port PORT] [--host ADDRESS --token TOKEN]"
    parser = Parser(prog=f"{program()} {command}", usage=usage, allow_abbrev=False, description=COMMANDS[command].help)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", metavar="RUN", help="a run, exported first if need be: product/version_3, product")
    which.add_argument("--model", metavar="FILE", help="an exported model")
    add = parser.add_argument
    add("--port", type=int, help=f"port (default: a free one from {PORT} on)")
    add("--host", default=LOOPBACK[0], help="address to listen on (default: %(default)s, this machine alone)")
    add("--token", default=os.environ.get(TOKEN), help=f"what clients must send; or set {TOKEN} in the environment")
    add("--allow_host", action="append", default=[], metavar="NAME", help="another name of this server, of a proxy say")
    add("--trainer.default_root_dir", dest="root", default=".", metavar="DIR", help="folder that holds lightning_logs")
    return parser


def _access(options: argparse.Namespace) -> Access:
    if options.host not in LOOPBACK and not options.token:
        fresh = f"--token {secrets.token_urlsafe(16)}, for example"
        raise UsageError(f"--host {options.host} lets other machines ask: it needs a token ({fresh})")
    if options.token is not None and len(options.token) < LEAST:
        raise UsageError(f"--token needs {LEAST} characters or more: {secrets.token_urlsafe(16)}, for example")
    return Access(options.host, tuple(name.lower() for name in options.allow_host), options.token)


def _exported(run: Run) -> Path:
    """Return the exported model of a run, which is exported if there is none of its present checkpoint."""
    path = run.folder / "export" / "model.onnx"
    if path.is_file():
        source = ExportedModel(path).metadata.get("checkpoint") or {}
        checkpoint = run.folder / "checkpoints" / str(source.get("name"))
        if not checkpoint.is_file() or hashlib.sha256(checkpoint.read_bytes()).hexdigest() == source.get("sha256"):
            return path
        why = f"{checkpoint.name} has changed since it was exported"
    else:
        why = "it has not been exported yet"
    if "export" not in COMMANDS:
        raise UsageError(f"{run.title}: {why}")
    words = ["export", "--run", str(run.folder)]
    print(f"{run.title}: {why}. First: {program()} {' '.join(words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", current().package, *words], check=False)
    if done.returncode:
        error = CommandError("the export failed, for the reason above: there is nothing to serve")
        error.exit_code = done.returncode
        raise error
    return path


def _listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UsageError: If the port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in range(PORT, PORT + TRIES) if port is None else (port,):
        try:
            return socket.create_server((host, number), family=family, backlog=1024)
        except (OSError, OverflowError) as error:
            problem = str(error)
    tried = f"ports {PORT} to {PORT + TRIES - 1}" if port is None else f"port {port}"
    raise UsageError(f"cannot listen on {tried} of {host}: {problem}; --port 0 takes any free port")
