"""The choice of what to run: command, configs, run and checkpoint, made before anything heavy is imported."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import UsageError, nearest
from engine.runs import folder as runs
from engine.runs.config_file import read_tree
from engine.runs.folder import Run
from engine.settings.options import option_parser, shipped


@dataclass(frozen=True)
class Choice:
    """What to run: a command, the settings that it starts from and the run that it belongs to."""

    command: str
    configs: list[Path] = field(default_factory=list)  # later ones win; a run's own comes first
    overrides: list[str] = field(default_factory=list)  # everything else on the command line, over all configs
    root: Path = Path()  # holds lightning_logs
    name: str = ""  # of a new run
    run: Run | None = None  # to resume or to evaluate
    checkpoint: Path | None = None  # the weights to begin with
    init_strict: bool = True  # whether all of them must fit
    version: int | None = None  # of a new run, by default the next
    preview: bool = False
    trust: bool = False  # checkpoints may run code


def choose(command: str, words: Sequence[str]) -> Choice:
    """Return the choice that the words after a command make.

    Raises:
        UsageError: If a config, run or checkpoint does not exist or the options exclude each other.
    """
    options, overrides = option_parser(command).parse_known_args(words)
    configs = [_existing(path) for path in options.config]
    root = Path(options.root or _configured_root(configs))
    if options.root:
        overrides += ["--trainer.default_root_dir", options.root]
    if getattr(options, "input", None):
        overrides += ["--data.inputs", options.input]
    if command == "fit":
        return _fit(options, configs, overrides, root)
    return _evaluation(command, options, configs, overrides, root)


def _fit(options: argparse.Namespace, configs: list[Path], overrides: list[str], root: Path) -> Choice:
    if options.run and options.init_from:
        raise UsageError("--run resumes a run, --init_from starts a new one from its weights: give one of them")
    if options.run and options.version is not None:
        raise UsageError("--version is the number of a new run, --run resumes one: give one of them")
    if options.run and options.name:
        raise UsageError("--name names a new run, --run resumes one: give one of them")
    if options.run:
        run = _readable(runs.find(options.run, root))
        if run.alive:
            raise UsageError(runs.taken(run))
        last = run.checkpoint("last")
        return Choice("fit", [run.config, *configs], overrides, root, run.name, run, last, trust=options.trust)
    if options.version is not None and options.version < 0:
        raise UsageError(f"--version must be at least 0: {options.version}")
    if options.init_strict == "false" and not options.init_from:
        raise UsageError("--init_strict false says how --init_from loads weights: give both")
    file = Path(options.init_from) if options.init_from and Path(options.init_from).is_file() else None
    source = _source(options.init_from, file, root) if options.init_from else None
    if not configs and source is None:
        raise UsageError(f"{_stray(overrides)}fit needs --config FILE, or --run RUN to resume one. {_shipped()}")
    name = options.name or (configs[0].stem if configs else source.name if source else "")
    parts = name.split("/")
    if len(parts) > 2 or any(part in ("", ".", "..") or Path(part).name != part for part in parts):
        raise UsageError(f"--name must be a plain folder name, or two with a slash between them: {name!r}")
    if source and not configs:
        configs = [source.config]
    checkpoint = file or (source.checkpoint("best") if source else None)
    return Choice(
        *("fit", configs, overrides, root, name, None, checkpoint),
        init_strict=options.init_strict == "true",
        version=options.version,
        preview=options.print_schedule,
        trust=options.trust,
    )


def _stray(overrides: Sequence[str]) -> str:
    """Return the beginning of an error that names a first word which is no setting."""
    word = overrides[0] if overrides else "."
    hint = nearest(word, ("--config", "--run", "--name")) if word.startswith("--") else ""
    return "" if "." in word or word == "--model" else f"unexpected {word}{hint or ';'} "


def _source(text: str, file: Path | None, root: Path) -> Run | None:
    """Return the run whose weights a new one begins with; None for a file that is in no run."""
    if file is None and Path(text).suffix in (".ckpt", ".pt", ".pth"):
        raise UsageError(f"--init_from: there is no file {text}")
    run = runs.containing(file) if file else runs.find(text, root)
    return _readable(run) if run else None


def _evaluation(
    command: str, options: argparse.Namespace, configs: list[Path], overrides: list[str], root: Path
) -> Choice:
    which = options.ckpt_path or "best"
    if options.run:
        run: Run | None = runs.find(options.run, root)
    elif which not in ("best", "last"):
        run = runs.containing(Run(Path()).checkpoint(which))
    elif configs or options.name:
        run = runs.newest(root, options.name or configs[0].stem)
        configs = []  # the run's own settings are the ones that it was trained with
    else:
        raise UsageError(
            f"{_stray(overrides)}{command} needs --config FILE for the newest run of it, or --run RUN. {_shipped()}"
        )
    if run is None and not configs:
        raise UsageError(f"{which} is not in the folder of a run: say with --config what network it belongs to")
    if run is None:
        return Choice(command, configs, overrides, root, configs[0].stem, None, Path(which), trust=options.trust)
    _readable(run)
    if options.ckpt_path is None and not run.best.is_file() and not run.record().get("best") and run.last.is_file():
        which = "last"  # it was interrupted before anything was validated
    checkpoint = run.checkpoint(which)
    return Choice(command, [run.config, *configs], overrides, root, run.name, run, checkpoint, trust=options.trust)


def _shipped() -> str:
    names = ", ".join(path.stem for path in shipped())
    return f"There are: {names} (configs/NAME.yaml)" if names else "There is no folder configs here"


def _readable(run: Run) -> Run:
    if not run.config.is_file():
        raise UsageError(f"{run.folder} is not the folder of a run: it has no config.yaml")
    read_tree(run.config)
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


def _configured_root(configs: list[Path]) -> str:
    root = "."
    for path in configs:
        trainer = read_tree(path).get("trainer")
        root = (trainer.get("default_root_dir") if isinstance(trainer, dict) else None) or root
        if not isinstance(root, str):
            raise UsageError(f"config {path}: trainer.default_root_dir must be a folder's name: {root!r}")
    return root
