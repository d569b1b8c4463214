"""Runs a command, once it is known that its run, config and checkpoint exist."""

import os
import signal
import sys
from types import FrameType

from lightning.fabric.utilities.exceptions import MisconfigurationException

from engine import performance, processes, quiet, refusal
from engine.errors import CommandError, DataError, Interrupted, UsageError
from engine.settings.command_line import CommandLine
from engine.settings.options import Arguments, option_parser
from engine.training.evaluate import predict, score
from engine.training.fit import fit

COMMANDS = {"fit": fit, "validate": score, "test": score, "predict": predict}


def run(arguments: Arguments) -> None:
    """Run a command.

    Raises:
        CommandError: With an exit code, if it cannot be run.
    """
    quiet.install()
    performance.tune()
    processes.end_with_parent()
    signal.signal(signal.SIGTERM, _terminate)
    if {"-h", "--help"} & set(arguments.overrides):
        sys.stdout.write(option_parser(arguments.command).format_help() + "\nEvery setting:\n")
    try:
        with processes.watched(lambda reason: None):
            cli = CommandLine(arguments)
            COMMANDS[arguments.command](cli, arguments)
    except CommandError:
        raise
    except (MisconfigurationException, ModuleNotFoundError) as error:
        raise UsageError(" ".join(str(error).split())) from error
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} does not exist") from error
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # Lightning's answer to Ctrl-C
            raise Interrupted(signal.SIGINT) from error
        raise
    except OSError as error:
        if error.errno is None:
            raise
        raise CommandError(f"{os.strerror(error.errno)}: {error.filename or 'while writing'}") from error
    except Exception as error:
        if processes.lost(error):
            raise processes.LostProcess from error
        if reason := refusal.reason(error):
            raise UsageError(reason) from error
        raise


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
