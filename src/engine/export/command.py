"""`export`: a run as one file that other programs run."""

import importlib.util
import sys
from collections.abc import Sequence

from engine.errors import UsageError
from engine.lazy import install
from engine.settings import options
from engine.settings.choice import choose
from engine.training.command import library_errors, load

NEEDED = ("onnx", "onnxscript", "onnxruntime")


def run(command: str, words: Sequence[str]) -> None:
    """Export a run.

    Raises:
        CommandError: If it cannot be exported, or there is no such run.
    """
    if {"-h", "--help"} & set(words):
        sys.stdout.write(options.help_text(command))
        return
    chosen = choose(command, words)
    wanted, _ = options.option_parser(command).parse_known_args(words)
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise UsageError(f"{', '.join(missing)} not installed: {install('export')}")
    with library_errors():
        load()
        from engine.export.export import export

        tested, folder = export(chosen, wanted.format, wanted.output, wanted.tolerance)
        if wanted.benchmark:
            from engine.export.benchmark import benchmark

            benchmark(tested, folder, words)
