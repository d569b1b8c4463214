"""Runs a command, once it is known that its run, config and checkpoint exist."""

import signal
from types import FrameType

from app import quiet
from app.arguments import Arguments
from app.cli import CommandLine
from app.errors import Interrupted
from app.evaluation import predict, score
from app.training import fit


def run(arguments: Arguments) -> None:
    """Run a command.

    Raises:
        AppError: With an exit code, if it cannot be run.
    """
    quiet.install()
    signal.signal(signal.SIGTERM, _terminate)
    cli = CommandLine(arguments)
    if arguments.command == "fit":
        fit(cli, arguments)
    elif arguments.command == "predict":
        predict(cli, arguments)
    else:
        score(cli, arguments)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
