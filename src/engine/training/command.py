"""`fit`, `validate`, `test` and `predict`: the choice of what to run, then Lightning, then the command."""

import importlib
import io
import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from importlib.util import find_spec

from engine import process
from engine.commands import COMMANDS
from engine.errors import CommandError, DataError, Interrupted, UsageError, is_owners, one_line, out_of_memory
from engine.lazy import optional
from engine.project import program
from engine.settings import options
from engine.settings.choice import Choice, choose


def run(command: str, words: Sequence[str]) -> None:
    """Run a command.

    Raises:
        CommandError: With an exit code, if it cannot be run.
    """
    if {"-h", "--help"} & set(words):
        sys.stdout.write(options.help_text(command))
        return
    if command == "fit" and "study" in COMMANDS and any(word.partition("=")[0] == "--seeds" for word in words):
        importlib.import_module(COMMANDS["study"].module).fit_seeds(words)
        return
    if command == "predict" and (file := options.exported_model(words)) and find_spec("engine.exported"):
        importlib.import_module("engine.exported.predict").run(words, file)
        return
    asks = options.wants_settings_help(words)
    plain = ["--help" if word == "--help_all" else word for word in words]
    chosen = Choice(command, overrides=plain) if asks else choose(command, words)
    with library_errors(), _short_help() if asks else nullcontext():
        load()
        from engine.settings.command_line import CommandLine
        from engine.training import evaluate, fit

        cli = CommandLine(chosen)
        {"fit": fit.fit, "predict": evaluate.predict}.get(command, evaluate.score)(cli, chosen)


def load() -> None:
    """Import what trains and evaluates, which takes seconds, and prepare this process for it."""
    _patch("fast_import")
    import engine.settings.command_line
    import engine.training.evaluate
    import engine.training.fit  # noqa: F401

    process.prepare()
    _patch("cheap_checks")


@contextmanager
def _short_help() -> Iterator[None]:
    """Leave out of the parser's help the lists of every subclass that happens to be imported: pages of them."""
    text = io.StringIO()
    try:
        with redirect_stdout(text):
            yield
    finally:
        listed = re.compile(r",\s+known\s+subclasses:[^)]*(?=\))")
        sys.stdout.write(listed.sub("", text.getvalue()).replace("usage: __main__.py", f"usage: {program()}"))


def _patch(name: str) -> None:
    """Apply a patch; one that a new version of a library does not allow is left out with a line."""
    patches = optional("engine.patches")
    try:
        if patches is not None:
            getattr(patches, name)()
    except (ImportError, AttributeError) as error:
        sys.stderr.write(f"engine.patches.{name} is switched off, for a library has changed: {error}\n")


@contextmanager
def library_errors() -> Iterator[None]:
    """Turn what libraries raise about settings, files and processes into messages; the owner's errors pass."""
    try:
        yield
    except CommandError:
        raise
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # Lightning's answer to Ctrl-C
            raise Interrupted(signal.SIGINT) from error
        raise
    except Exception as error:
        if message := _message(error):
            raise message from error
        raise


def _message(error: Exception) -> CommandError | None:
    """Return what an error means to the user of the command; None for a bug."""
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    if process.lost(error):
        return process.LostProcess()
    if out_of_memory(error):
        return UsageError(f"not enough memory: {one_line(error)}")
    if is_owners(error) and not (isinstance(error, OSError) and error.errno in process.FULL_OR_READ_ONLY):
        return None
    if isinstance(error, MisconfigurationException | ModuleNotFoundError):
        return UsageError(one_line(error))
    if isinstance(error, FileNotFoundError):
        return DataError(f"{error.filename} does not exist")
    if isinstance(error, OSError) and error.errno is not None:
        return CommandError(f"{os.strerror(error.errno)}: {error.filename or 'while writing'}")
    return None
