"""The commands: one row each. Without its row and its module, the others work as before."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command, and the module whose function run(name, words) runs it; it is imported when the command is called."""

    name: str
    help: str
    module: str

    def run(self, words: Sequence[str]) -> None:
        """Run the command with the words that follow its name."""
        function: Callable[[str, Sequence[str]], None] = importlib.import_module(self.module).run
        function(self.name, words)


TABLE = (
    Command("fit", "train a network, or resume a run", "engine.training.command"),
    Command("validate", "score a run's checkpoint on the validation split", "engine.training.command"),
    Command("test", "score a run's checkpoint on the test split", "engine.training.command"),
    Command("predict", "write a run's predictions to predictions.csv", "engine.training.command"),
    Command("runs", "list runs, by filters", "engine.comparison.listing"),
    Command("compare", "compare groups of runs over seeds", "engine.comparison.command"),
    Command("diff", "compare two runs side by side", "engine.comparison.difference"),
    Command("study", "make many runs, variants x seeds, and compare them", "engine.studies.command"),
    Command("export", "write a run as one file, ONNX or .pt2, for other programs", "engine.export.command"),
    Command("board", "look at runs in TensorBoard", "engine.board"),
    Command("serve", "answer requests with a model, and show it in a page", "engine.serve.command"),
)
COMMANDS = {command.name: command for command in TABLE}
