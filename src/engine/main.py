"""The entry point: help, the command, and how errors end it."""

import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from engine import process
from engine.commands import COMMANDS
from engine.errors import CommandError, UsageError, nearest, printable
from engine.lazy import optional
from engine.project import Project, set_current


def main(project: Project) -> NoReturn:
    """Run what the command line asks for, and end the process with its exit code."""
    exit_code = run(project, sys.argv[1:])
    patches = optional("engine.patches")
    if patches is not None:
        patches.fast_exit(exit_code)
    sys.exit(exit_code)


def run(project: Project, argv: Sequence[str]) -> int:
    """Run a command and return its exit code; any exception but CommandError is a bug, and passes."""
    set_current(project)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console of an old encoding lacks characters
    if not argv or argv[0] in ("-h", "--help", "help"):
        from engine.settings import options

        sys.stdout.write(options.overview() + "\n")
        return 0
    name, *words = argv
    try:
        if name not in COMMANDS:
            raise UsageError(f"unknown command {name}{nearest(name, COMMANDS)} (commands: {', '.join(COMMANDS)})")
        COMMANDS[name].run(words)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    watcher = sys.modules.get("engine.watcher")
    if watcher is None or not watcher.failed:
        return 0
    names = ", ".join(watcher.failed)
    sys.stderr.write(f"exit code 1: {names} failed (traceback above); everything else is complete\n")
    watcher.failed.clear()  # a test runs several commands in one process
    return 1


def _fail(message: str, exit_code: int) -> int:
    if os.environ.get("APP_DEBUG") == "1":
        raise  # called from an except clause
    where = "" if process.is_first() else f" in process {process.number()}"
    sys.stderr.write(f"error{where}: {printable(message)}\n")
    return exit_code
