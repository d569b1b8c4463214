"""`study`: makes many runs and compares them; `fit --seeds` is a study of one variant."""

import argparse
import contextlib
import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from engine import console
from engine.commands import COMMANDS
from engine.errors import CommandError, Interrupted, UsageError
from engine.project import program
from engine.runs.config_file import changes
from engine.settings.choice import choose
from engine.settings.options import Parser, option_parser
from engine.studies import report
from engine.studies.coordinator import Coordinator
from engine.studies.study_file import Study, Variant, read, seeds

SEEDS = "seeds"  # the variant of `fit --seeds`


def run(command: str, words: Sequence[str]) -> None:
    """Run the study of a file, or go on with it.

    Raises:
        CommandError: If a run failed.
        Interrupted: By a signal; the same command goes on.
        UsageError: If the file is wrong or has changed, or another process runs the study.
    """
    options, settings = parser(command).parse_known_args(words)
    if settings and not settings[0].startswith("--"):
        raise UsageError(f"unexpected {settings[0]}: one file, then settings as --key value")
    study = read(Path(options.file), options.name, options.root or "", settings)
    conduct(study, options.workers, f"{program()} {command} {shlex.join(words)}")


def fit_seeds(words: Sequence[str]) -> None:
    """Run `fit --seeds`: a study of one variant, of the name of the run."""
    options, rest = option_parser("fit").parse_known_args(words)
    if options.run or options.init_from or options.print_schedule or options.version is not None:
        raise UsageError("--seeds makes new runs: it excludes --run, --init_from, --version and --print_schedule")
    if any(word.partition("=")[0] == "--seed_everything" for word in rest):
        raise UsageError("--seeds and --seed_everything both choose seeds: give one of them")
    given = seeds("--seeds", yaml.safe_load(options.seeds))
    name = choose("fit", [word for path in options.config for word in ("--config", path)]).name
    variant = Variant(options.config, rest)
    study = Study("command line", options.name or name, {SEEDS: variant}, given, options.root or "")
    study.check()
    conduct(study, None, f"{program()} fit {shlex.join(words)}")


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    usage = f"{program()} {command} FILE [--workers N] [--name NAME] [--KEY VALUE ...]"
    made = Parser(prog=f"{program()} {command}", usage=usage, allow_abbrev=False, description=COMMANDS[command].help)
    add = made.add_argument
    add("file", metavar="FILE", help="variants, seeds and settings: see configs/studies and docs/studies.md")
    add("--workers", type=workers, metavar="N", help="runs that train side by side (default: one for each core)")
    add("--name", metavar="NAME", help="name of the study's folder in place of the file's name")
    add("--trainer.default_root_dir", dest="root", metavar="DIR", help="folder that holds lightning_logs (default: .)")
    return made


def workers(text: str) -> int:
    """Return a number of workers."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 1 on: {text}")
    return int(text)


def conduct(study: Study, size: int | None, command: str) -> None:
    """Make the runs of a study that are not there, and report on all."""
    new = not study.folder.is_dir()
    with _system_errors(study), _locked(study):
        before = {name: settings for name, settings in _recorded(study).items() if _has_run(study, name)}
        _refuse_changes(study, before)
        if gone := [name for name in before if name not in study.variants]:
            console.say(f"no longer in {study.source}, and left out: {', '.join(gone)}")
        coordinator = Coordinator(study, size, before)
        try:
            tasks = coordinator.run()
        except Interrupted:
            coordinator.write("interrupted")
            console.say(f"\nto resume: {command}")
            raise
        except UsageError:
            if new and not _has_run(study, "*"):
                _remove(study)
            raise
        coordinator.write("finished")
        report.write(study, tasks)
    if failed := [task for task in tasks if task.status == "failed"]:
        first = f"{failed[0].title}: {failed[0].reason.splitlines()[0] if failed[0].reason else 'see its output'}"
        more = "" if len(failed) == 1 else f" (and {len(failed) - 1} more)"
        raise CommandError(
            f"{console.count(len(failed), 'run')} of {len(tasks)} failed: {first}{more}\n"
            f"What they printed: {study.folder / 'output'}. The same command tries them again."
        )


@contextlib.contextmanager
def _system_errors(study: Study) -> Iterator[None]:
    """Turn a full disk and the like into a message; every run is saved by then as well as it can be."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror or error}: {error.filename or study.folder}"
        raise CommandError(f"{what}\nRuns that ended are kept, and the same command goes on") from error


@contextlib.contextmanager
def _locked(study: Study) -> Iterator[None]:
    """Keep other processes from running a study."""
    study.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(study.folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise UsageError(f"the study {study.name} is being run by another process: {study.folder}") from None


def _recorded(study: Study) -> dict[str, Any]:
    """Return the settings of each variant as they were when its runs began."""
    path = study.folder / "study.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["variants"]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged: {error}") from error
    return found


def _refuse_changes(study: Study, before: dict[str, Any]) -> None:
    for name, variant in study.variants.items():
        if name in before and (changed := changes(before[name], variant.settings())):
            key, values = next(iter(changed.items()))
            more = "" if len(changed) == 1 else f" (and {console.count(len(changed) - 1, 'more setting')})"
            raise UsageError(
                f"{study.source}, variant {name}: {key} has changed from {values} since its runs were trained{more}\n"
                f"Give the variant another name, or the study: --name. Or delete {study.folder / name}"
            )


def _has_run(study: Study, variant: str) -> bool:
    return any(study.folder.glob(f"{variant}/version_*/config.yaml"))


def _remove(study: Study) -> None:
    """Remove the folder of a study that was refused before anything trained."""
    shutil.rmtree(study.folder, ignore_errors=True)
    if not any(study.folder.parent.iterdir()):
        study.folder.parent.rmdir()
