"""The part of the command line that chooses what to run and where, read before anything heavy is imported."""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from engine.errors import UsageError, nearest
from engine.project import program
from engine.runs import folder as runs

COMMANDS = {
    "fit": "train a network, or resume a run",
    "validate": "score a run's checkpoint on the validation split",
    "test": "score a run's checkpoint on the test split",
    "predict": "write a run's predictions to predictions.csv",
    "board": "look at runs in TensorBoard",
}

MOST = 100_000  # values in a config: with aliases a few lines can stand for any number


@dataclass(frozen=True)
class Arguments:
    """What to run: a command, the settings that it starts from and the run that it belongs to.

    Args:
        command: One of COMMANDS.
        configs: Config files, later ones over earlier ones; a run's own comes first.
        overrides: Everything else on the command line, over all configs.
        root: Folder that holds lightning_logs.
        name: Name of a new run.
        run: The run to resume or to evaluate; none for a new one.
        checkpoint: The weights to begin with; none for fresh ones.
    """

    command: str
    configs: list[Path]
    overrides: list[str]
    root: Path
    name: str
    run: runs.Run | None
    checkpoint: Path | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def option_parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command's own options."""
    usage = f"{program()} {command} [--config FILE ...] [--run RUN] [options] [--KEY VALUE ...]"
    parser = _Parser(
        prog=f"{program()} {command}", usage=usage, add_help=False, allow_abbrev=False, description=COMMANDS[command]
    )
    add = parser.add_argument
    add("-c", "--config", action="append", default=[], metavar="FILE", help="settings; may be repeated, later ones win")
    run_help = (
        "resume this run, in its own folder" if command == "fit" else "evaluate this run, not the config's newest"
    )
    add("--run", metavar="RUN", help=f"{run_help}: a folder, or product/version_3, or product for its newest")
    add("--name", metavar="NAME", help="name of the run's folder in place of the config's name")
    if command == "fit":
        add("--init_from", metavar="RUN", help="new run that starts from the best weights of another")
    else:
        add("--ckpt_path", metavar="WHICH", default=None, help="checkpoint: best (default), last or a file")
    add("--trainer.default_root_dir", dest="root", metavar="DIR", help="folder that holds lightning_logs (default: .)")
    return parser


def parse(argv: Sequence[str]) -> Arguments:
    """Read `COMMAND [options]`.

    Raises:
        UsageError: If a command, config, run or checkpoint does not exist or the options exclude each other.
    """
    command, *rest = argv
    if command not in COMMANDS:
        raise UsageError(f"unknown command {command}{nearest(command, COMMANDS)} (commands: {', '.join(COMMANDS)})")
    if wants_settings_help(rest):
        return Arguments(command, [], rest, Path(), "", None, None)
    options, overrides = option_parser(command).parse_known_args(rest)
    configs = [_existing(path) for path in options.config]
    root = Path(options.root or _configured_root(configs))
    if options.root:
        overrides += ["--trainer.default_root_dir", options.root]
    if command == "fit":
        return _fit(options, configs, overrides, root)
    return _evaluation(command, options, configs, overrides, root)


def _fit(options: argparse.Namespace, configs: list[Path], overrides: list[str], root: Path) -> Arguments:
    if options.run and options.init_from:
        raise UsageError("--run resumes a run, --init_from starts a new one from its weights: give one of them")
    if options.run and options.name:
        raise UsageError("--name names a new run, --run resumes one: give one of them")
    if options.run:
        run = _readable(runs.find(options.run, root))
        if run.alive:
            raise UsageError(runs.taken(run))
        return Arguments("fit", [run.config, *configs], overrides, root, run.name, run, run.checkpoint("last"))
    source = _readable(runs.find(options.init_from, root)) if options.init_from else None
    if not configs and source is None:
        stray = next((f"unexpected {word}; " for word in overrides[:1] if not word.startswith("-")), "")
        raise UsageError(f"{stray}fit needs --config FILE, or --run RUN to resume one. {_shipped()}")
    name = options.name or (configs[0].stem if configs else source.name if source else "")
    saved = [source.config] if source and not configs else []
    checkpoint = source.checkpoint("best") if source else None
    return Arguments("fit", saved + configs, overrides, root, _checked(name), None, checkpoint)


def _evaluation(
    command: str, options: argparse.Namespace, configs: list[Path], overrides: list[str], root: Path
) -> Arguments:
    which = options.ckpt_path or "best"
    if options.run:
        run: runs.Run | None = runs.find(options.run, root)
    elif which not in ("best", "last"):
        run = runs.containing(runs.Run(Path()).checkpoint(which))
    elif configs or options.name:
        run = runs.newest(root, options.name or configs[0].stem)
    else:
        raise UsageError(f"{command} needs --config FILE for the newest run of it, or --run RUN. {_shipped()}")
    if run is None and not configs:
        raise UsageError(f"{which} is not in the folder of a run: say with --config what network it belongs to")
    if run is not None:
        _readable(run)
    checkpoint = (run or runs.Run(Path())).checkpoint(which)
    saved = [run.config] if run else []
    name = run.name if run else configs[0].stem
    return Arguments(command, saved + configs, overrides, root, name, run, checkpoint)


def shipped() -> list[Path]:
    """Return the configs in configs/ of the current folder."""
    return sorted(Path("configs").glob("*.yaml"))


def _shipped() -> str:
    names = ", ".join(path.stem for path in shipped())
    return f"There are: {names} (configs/NAME.yaml)" if names else "There is no folder configs here"


def _readable(run: runs.Run) -> runs.Run:
    if not run.config.is_file():
        raise UsageError(f"{run.folder} is not the folder of a run: it has no config.yaml")
    _configured_root([run.config])
    run.record()
    return run


def _existing(text: str) -> Path:
    path = Path(text)
    if path.is_file():
        return path
    if path.is_dir():
        raise UsageError(f"config {text} is a folder: name a file in it")
    there = {str(config): config for config in [*shipped(), *path.parent.glob("*.yaml")]}
    hint = nearest(text, there) or nearest(str(Path("configs") / f"{path.stem}.yaml"), there)
    raise UsageError(f"config {text} does not exist{hint}")


def _checked(name: str) -> str:
    if name in ("", ".", "..") or Path(name).name != name:
        raise UsageError(f"--name must be a plain folder name: {name!r}")
    return name


def _configured_root(configs: list[Path]) -> str:
    root = "."
    for path in configs:
        try:
            settings: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise UsageError(f"config {path} cannot be read: {reason}") from error
        if not isinstance(settings, dict):
            raise UsageError(f"config {path} must hold keys and values, such as `trainer:`")
        if next(itertools.islice(_values(settings), MOST, None), None):
            raise UsageError(f"config {path} cannot be read: its aliases repeat themselves without an end")
        trainer = settings.get("trainer")
        root = (trainer.get("default_root_dir") if isinstance(trainer, dict) else None) or root
        if not isinstance(root, str):
            raise UsageError(f"config {path}: trainer.default_root_dir must be a folder's name: {root!r}")
    return root


def _values(tree: object) -> Iterator[bool]:
    """Yield for every value of nested settings, those of an alias as often as it is used."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        yield True
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)


def overview() -> str:
    """Return the short help: the commands, the shipped configs and an example of each command."""
    lines = ["PyTorch Lightning project: train, test and predict from config files.", "", "commands"]
    lines += [f"  {name:<10}{text}" for name, text in COMMANDS.items()]
    lines += ["", "configs"] if shipped() else []
    for path in shipped():
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        lines.append(f"  {path.as_posix():<28}{first.lstrip('# ') if first.startswith('#') else ''}")
    lines += ["", "examples"]
    lines += [
        f"  {program()} fit --config configs/product.yaml --trainer.max_epochs 200",
        f"  {program()} fit --run product/version_0 --trainer.max_epochs 400",
        f"  {program()} validate --run product/version_0 --ckpt_path last",
        f"  {program()} test --config configs/product.yaml",
        f"  {program()} predict --config configs/product.yaml",
        f"  {program()} board --run product/version_0",
        "",
        f"All settings of a command: {program()} fit --help",
    ]
    return "\n".join(lines)


def wants_help(argv: Sequence[str]) -> bool:
    """Say whether to show the overview: no command, or help in its place."""
    return not argv or argv[0] in ("-h", "--help", "help")


def wants_settings_help(words: Sequence[str]) -> bool:
    """Say whether the words after a command ask for help: --help, or --model.help and the like."""
    return any(word == "-h" or (word.startswith("--") and word.partition("=")[0].endswith("help")) for word in words)
