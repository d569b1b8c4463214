"""The entry point: help and the choice of a run without heavy imports, then the command."""

import atexit
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from engine import processes, startup
from engine.errors import CommandError, printable
from engine.project import Project, set_current
from engine.runs import folder as runs
from engine.settings import options


def main(project: Project) -> NoReturn:
    """Run what the command line asks for, and end the process with its exit code."""
    _leave(run(project, sys.argv[1:]))


def run(project: Project, argv: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    set_current(project)
    if options.wants_help(argv):
        sys.stdout.write(options.overview() + "\n")
        return 0
    try:
        if argv[0] == "board":
            from engine import board  # for its tables

            board.run(argv[0], argv[1:])
            return 0
        parsed = options.parse(argv)
        startup.import_lightning()  # takes seconds, like torch
        from engine.commands import run as run_command

        run_command(parsed)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    return 0


def _fail(message: str, exit_code: int) -> int:
    if os.environ.get("APP_DEBUG") == "1":
        raise  # called from an except clause
    where = "" if runs.first_process() else f" in process {processes.number()}"
    sys.stderr.write(f"error{where}: {printable(message)}\n")
    return exit_code


def _leave(exit_code: int) -> NoReturn:
    """End the process without taking apart what was imported, which takes longer than a second."""
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exit_code)
