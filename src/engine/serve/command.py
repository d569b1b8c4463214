"""`serve`: an exported model behind an HTTP interface with a page, on this machine alone unless there is a token."""

import argparse
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
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
from engine.serve.predictor import Predictor
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
    if bool(options.run) == bool(options.model):
        raise UsageError(f"{command} needs --run RUN or --model FILE, and one of them")
    if options.model and options.model.endswith(".pt2"):
        raise UsageError(f"{command} runs ONNX files, and {options.model} is none: export --format onnx")
    for module in ("onnxruntime", "fastapi", "uvicorn"):
        needed(module, "serve")
    access = _access(options)
    path = Path(options.model).expanduser() if options.model else _exported(runs.find(options.run, Path(options.root)))
    with _listen(options.host, options.port) as listening:
        predictor = _predictor(path)
        from engine.serve.server import serve  # FastAPI is imported after what can be wrong

        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{host}:{listening.getsockname()[1]}/"
        title = predictor.model.metadata.get("title", path.name)
        line = f"{title}: {address} (Ctrl-C ends it)"
        serve(predictor, access, listening, ready=lambda: print(line, flush=True))


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of the command, which has no settings."""
    usage = f"{program()} {command} (--run RUN | --model FILE) [--port PORT] [--host ADDRESS --token TOKEN]"
    parser = Parser(prog=f"{program()} {command}", usage=usage, allow_abbrev=False, description=COMMANDS[command].help)
    add = parser.add_argument
    add("--run", metavar="RUN", help="a run, exported first if need be: product/version_3, product")
    add("--model", metavar="FILE", help="an exported model")
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


def _predictor(path: Path) -> Predictor:
    """Return what predicts, which has predicted once: on one core, or on all if that takes long."""
    predictor = Predictor(ExportedModel(path, threads=1))
    began = time.perf_counter()
    predictor.predict_example()
    return predictor if time.perf_counter() - began < SLOW else Predictor(ExportedModel(path))


def _listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UsageError: If the port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = range(PORT, PORT + TRIES) if port is None else (port,)
    if not 0 <= ports[0] < 2**16:
        raise UsageError(f"--port must be in [0, 65535]: {port}")
    for number in ports:
        try:
            return socket.create_server((host, number), family=family, backlog=1024)
        except OSError as error:
            problem = error.strerror or str(error)
    tried = f"port {port}" if port is not None else f"a port from {PORT} to {PORT + TRIES - 1}"
    raise UsageError(f"cannot listen on {tried} of {host}: {problem}; --port 0 takes any that is free")
