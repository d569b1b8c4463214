"""Options of the commands that train and evaluate, and the short help, without heavy imports."""

import argparse
import contextlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from engine.commands import COMMANDS
from engine.errors import UsageError, nearest
from engine.project import program

# The settings that people change most, with an example each.
OFTEN = {
    "trainer.max_epochs 20": "how long to train",
    "trainer.max_time 00:01:00:00": "the same by the clock: days:hours:minutes:seconds",
    "seed_everything 1": "another seed",
    "model.optimizer torch.optim.SGD": "another optimizer",
    "model.optimizer.lr 1e-3": "its learning rate",
    "model.lr_scheduler CLASS": "a learning-rate schedule: see configs/with",
    "model.network.hidden_features [64,64]": "an argument of the network",
    "data.batch_size 128": "samples in a batch",
    "data.path FILE, data.root FOLDER": "your own data",
    "trainer.gradient_clip_val 1": "clip gradients to this norm",
    "trainer.accumulate_grad_batches 4": "a step on the mean gradient of so many batches",
    "trainer.precision bf16-mixed": "mixed precision",
    "trainer.accelerator gpu, trainer.devices 4": "hardware",
    "callbacks.checkpoint.monitor val/mae": "the metric that chooses best.ckpt",
    "dashboard null": "no dashboard; callbacks.NAME null switches one callback off",
}
EXAMPLES = (
    "fit --config configs/product.yaml --trainer.max_epochs 200",
    "fit --run product --trainer.max_epochs 400",
    "test --config configs/product.yaml",
    "predict --run product/version_0 --ckpt_path last",
)
OTHERS = {
    "--config FILE --print_config": "the settings that would run",
    "--model.help CLASS": "arguments of a class",
    "--config FILE --model.optimizer.help CLASS": "arguments of an optimizer, in that config",
    "--help_all": "every setting",
}
EXPORTED = (".onnx", ".pt2")  # endings of what `export` writes


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise the message, with the nearest option for one that is not known."""
        unknown = re.match(r"unrecognized arguments: (--[\w.]+)", message)
        hint = nearest(unknown[1], re.findall(r"--[\w.]+", self.format_help())) if unknown else ""
        raise UsageError(message + hint)


def option_parser(command: str) -> Parser:
    """Return the parser of a command's own options."""
    parser = Parser(
        prog=f"{program()} {command}",
        usage="%(prog)s [--config FILE ...] [--run RUN] [options] [--KEY VALUE ...]",
        add_help=False,
        allow_abbrev=False,
        description=COMMANDS[command].help,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=36, width=110),
    )
    add = parser.add_argument
    add("-c", "--config", action="append", default=[], metavar="FILE", help="settings; may be repeated, later ones win")
    purpose = "resume this run, in its own folder" if command == "fit" else "evaluate this run, not the config's newest"
    add("--run", metavar="RUN", help=f"{purpose}: a folder, or product/version_3, or product for its newest")
    add("--name", metavar="NAME", help="name of the run's folder in place of the config's name")
    if command == "fit":
        add("--init_from", metavar="RUN", help="new run that starts from the best weights of another, or from a file")
        strict = "false: load the weights that fit, and list the rest"
        add("--init_strict", choices=["true", "false"], default="true", metavar="BOOL", help=strict)
        add("--version", type=int, metavar="N", help="number of the new run's folder (default: the next)")
        if "study" in COMMANDS:
            add("--seeds", metavar="SEEDS", help="a run for each of 5 seeds (or of [3,7]), and their mean")
        add("--print_schedule", action="store_true", help="print the learning rate of every step, and train nothing")
    else:
        add("--ckpt_path", metavar="WHICH", default=None, help="checkpoint: best (default), last or a file")
    if command == "predict":
        add("--input", metavar="VALUES", help="predict these inputs: x1=3,x2=4, or a CSV file with their columns")
    if command == "export":
        add("--format", choices=["onnx", "pt2"], default="onnx", metavar="FORMAT", help="onnx (default) or pt2")
        add("--output", metavar="DIR", help="folder of the file (default: export in that of the run)")
        measured = "measure size, time, start-up and metric of the network in several formats"
        add("--benchmark", action="store_true", help=measured)
        most = "largest difference, in probabilities or in standard deviations of the prediction (default: 1e-4)"
        add("--tolerance", type=_positive, default=1e-4, metavar="T", help=most)
    add("--trust", action="store_true", help="load a checkpoint of your own, and run the code that its objects need")
    add("--trainer.default_root_dir", dest="root", metavar="DIR", help="folder that holds lightning_logs (default: .)")
    return parser


def _positive(text: str) -> float:
    """Return a number above 0."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number above 0: {text}")


def help_text(command: str) -> str:
    """Return the help of a command: its own options, the settings that people change most, and where the others are."""
    width = max(map(len, OFTEN)) + 4
    lines = ["", "settings that are changed most (any key of a config can be one):"]
    lines += [f"  --{example:<{width}}{text}" for example, text in OFTEN.items()]
    lines += ["", "all others:"]
    exported = {"--model FILE.onnx --data.path new.csv": "of an exported model"}
    others = OTHERS | (exported if command == "predict" else {})
    width = max(map(len, others)) + 2
    lines += [f"  {program()} {command} {words:<{width}}{text}" for words, text in others.items()]
    return option_parser(command).format_help() + "\n".join(lines) + "\n"


def wants_settings_help(words: Sequence[str]) -> bool:
    """Return whether the words after a command ask for the parser's help: --help_all, or --model.help and the like."""
    return any(re.match(r"--(help_all$|[^=]*\.help(=|$))", word) for word in words)


def exported_model(words: Sequence[str]) -> str | None:
    """Return the file that --model names if it is an exported model; else --model is a key of settings.

    Raises:
        UsageError: If it names another file or folder, or what would be one.
    """
    values = [
        word.partition("=")[2] if "=" in word else following
        for word, following in zip(words, [*words[1:], ""], strict=True)
        if word.partition("=")[0] == "--model"
    ]
    for value in values:
        if value.endswith(EXPORTED):
            return value
        if "/" in value or Path(value).exists():
            raise UsageError(f"--model {value} is no {' or '.join(EXPORTED)} file; for a run: --run RUN")
    return None


def shipped() -> list[Path]:
    """Return the configs in configs/ of the current folder."""
    return sorted(Path("configs").glob("*.yaml"))


def first_line(path: Path) -> str:
    """Return the comment in the first line of a config, without the measured result."""
    with path.open(encoding="utf-8") as file:
        line = file.readline().strip()
    return line.lstrip("# ").split(": test ")[0] if line.startswith("#") else ""


def overview() -> str:
    """Return the short help: the commands, the shipped configs and overlays, and examples."""
    lines = ["PyTorch Lightning project: train, test and predict from config files.", "", "commands"]
    lines += [f"  {command.name:<10}{command.help}" for command in COMMANDS.values()]
    configs, overlays = shipped(), sorted(Path("configs/with").glob("*.yaml"))
    studies = sorted(Path("configs/studies").glob("*.yaml")) if "study" in COMMANDS else []
    width = max((len(path.as_posix()) for path in [*configs, *overlays, *studies]), default=0) + 2
    groups = {
        "configs": configs,
        "overlays, each on top of a config: --config A --config B": overlays,
        "studies, many runs each: study FILE": studies,
    }
    for title, paths in groups.items():
        lines += ["", title] if paths else []
        lines += [f"  {path.as_posix():<{width}}{first_line(path)}" for path in paths]
    lines += ["", "examples"]
    lines += [f"  {program()} {example}" for example in EXAMPLES]
    return "\n".join([*lines, "", f"Options and settings of a command: {program()} fit --help"])
