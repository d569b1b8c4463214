"""Run folders: `lightning_logs/<name>/version_N`, where they are and the metadata in them.

The name of a run of a study has two parts, `<study>/<variant>`.

Imports nothing heavy: a run is found, or missed with an error, before torch is loaded.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from engine.errors import UsageError, nearest
from engine.process import is_first
from engine.project import program
from engine.runs.files import write_json

FOLDER = "lightning_logs"
LOOK = 0.1  # seconds to wait for a lock: another process that only looks holds it for a moment
# What is read back from run.json, with its types.
RECORD: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("best", "test", "validate", "predict"), (dict,)),
    **dict.fromkeys(("resumed", "diagnosis"), (list,)),
    **{"status": (str,), "reason": (str,), "wall_time_s": (int, float)},
}


@dataclass(frozen=True)
class Run:
    """One training run and what evaluation adds to it."""

    folder: Path  # .../<name>/version_N

    @property
    def name(self) -> str:
        """The config's name, or what replaced it; `<study>/<variant>` in a study."""
        *parents, last = self.folder.resolve().parts[:-1]
        return f"{parents[-1]}/{last}" if FOLDER in parents[-2:-1] else last

    @property
    def config(self) -> Path:
        """The settings that really ran."""
        return self.folder / "config.yaml"

    @property
    def best(self) -> Path:
        """Checkpoint of the epoch with the best monitored score."""
        return self.folder / "checkpoints" / "best.ckpt"

    @property
    def last(self) -> Path:
        """Checkpoint to resume from."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def averaged(self) -> Path:
        """Checkpoint of weights that were averaged at the end of training, and not validated since."""
        return self.folder / "checkpoints" / "averaged.ckpt"

    @property
    def lock(self) -> Path:
        """File whose lock the process holds that trains the run; the system releases it, however the process ends."""
        return self.folder / ".lock"

    @property
    def alive(self) -> bool:
        """Whether a process trains it now; a lock that cannot be opened counts as free."""
        if not self.lock.is_file():
            return False
        try:
            with FileLock(self.lock, timeout=LOOK, poll_interval=LOOK / 5):
                return False
        except Timeout:
            return True
        except OSError:
            return False

    @property
    def status(self) -> str:
        """How it stands; one that was killed while it ran could not say so itself."""
        status = str(self.record().get("status", "unknown"))
        return "interrupted" if status == "running" and not self.alive else status

    @property
    def title(self) -> str:
        """How a user names the run with --run: short below the current folder, else its path."""
        folder = self.folder
        return "/".join(folder.parts[1:]) if folder.parts[:1] == (FOLDER,) else str(folder)

    def record(self) -> dict[str, Any]:
        """Return what run.json says, nothing if it is missing.

        Raises:
            UsageError: If it is not JSON.
        """
        path = self.folder / "run.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise UsageError(f"{path} is damaged: {error}") from error
        if not isinstance(record, dict):
            raise UsageError(f"{path} is damaged: not an object")
        for key, kinds in RECORD.items():
            if not isinstance(record.get(key), (*kinds, type(None))):
                raise UsageError(f"{path} is damaged: {key} is {str(record[key])[:100]!r}")
        return record

    def update(self, **facts: Any) -> None:
        """Add facts to run.json."""
        write_json(self.folder / "run.json", self.record() | facts)

    def retire_results(self) -> None:
        """Rename results of a checkpoint that is no longer the best, test.json to test.epoch_24.json."""
        record = self.record() if is_first() else {}
        results = {
            "test": ["test.json"],
            "validate": ["validate.json"],
            "predict": ["predictions.csv", "predictions.pt"],
        }
        for command, names in results.items():
            evaluated = record.get(command)
            for path in [self.folder / name for name in names if isinstance(evaluated, dict)]:
                if path.is_file() and isinstance(evaluated, dict):
                    path.rename(path.with_name(f"{path.stem}.epoch_{evaluated['epoch']}{path.suffix}"))
                    self.update(**{command: None})

    def checkpoint(self, which: str) -> Path:
        """Return the path of checkpoint best, last or a file.

        Raises:
            UsageError: If there is none.
        """
        paths = {"best": self.best, "last": self.last}
        path = paths.get(which, Path(which))
        if path.is_file():
            return path
        if which not in paths:
            raise UsageError(f"checkpoint {which} does not exist{nearest(which, paths)}")
        other = "last" if which == "best" else "best"
        if paths[other].is_file():
            raise UsageError(f"{self.title} has no {which} checkpoint; to take the other: --ckpt_path {other}")
        older = [run for run in versions(self.folder.parent) if run.best.is_file() and run != self]
        advice = f"An older run has: --run {older[-1].title}" if older else f"Train first: {program()} fit --config ..."
        raise UsageError(f"{self.title} has no checkpoint (status: {self.status}). {advice}")


def taken(run: Run) -> str:
    """Return why a run that is alive cannot be resumed."""
    return f"{run.title} is being trained by another process, and can be resumed once that has ended"


def create(root: Path, name: str, version: int | None = None) -> Run:
    """Make the folder of a version, by default of the next; two runs started at once get two folders.

    A process that is not the first gets the place of a folder that it will not write to.

    Raises:
        OSError: If it cannot be made.
        UsageError: If there is a run of this version.
    """
    parent = root / FOLDER / name
    if not is_first():
        return Run(parent / "another_process")
    if version is not None:
        run = Run(parent / f"version_{version}")
        if run.config.is_file():
            raise UsageError(f"{run.title} exists: --run {run.title} resumes it, another --version is another run")
        run.folder.mkdir(parents=True, exist_ok=True)  # one that was killed before its first step has left its folder
        return run
    number = max((_number(run.folder) for run in versions(parent)), default=-1) + 1
    while True:
        folder = parent / f"version_{number}"
        try:
            folder.mkdir(parents=True)
            return Run(folder)
        except FileExistsError:
            if not folder.is_dir():
                raise
            number += 1


def versions(parent: Path) -> list[Run]:
    """Return the runs in a folder `lightning_logs/<name>`, oldest first."""
    folders = parent.glob("version_*") if parent.is_dir() else []
    return [Run(folder) for folder in sorted((f for f in folders if _number(f) >= 0), key=_number)]


def everything(root: Path) -> list[Run]:
    """Return all runs, those that changed last at the end."""
    found = [run for name in _names(root) for run in versions(root / FOLDER / name)]
    return sorted(found, key=lambda run: run.folder.stat().st_mtime)


def newest(root: Path, name: str) -> Run:
    """Return the newest run of a name.

    Raises:
        UsageError: If there is none.
    """
    # One that was killed before its first step is but a folder.
    if runs := [run for run in versions(root / FOLDER / name) if run.config.is_file()]:
        return runs[-1]
    advice = f"{nearest(name, _names(root))}. Train one: {program()} fit --config configs/{name}.yaml"
    raise UsageError(f"no run of {name} in {root / FOLDER}{advice}")


def find(text: str, root: Path) -> Run:
    """Return the run that a user names: a folder, `product/version_3`, or `product` for its newest.

    Raises:
        UsageError: If there is none, naming the nearest.
    """
    for folder in (Path(text), root / FOLDER / text):
        if Run(folder).config.is_file():
            return Run(folder)
        if found := [run for run in versions(folder) if run.config.is_file()]:
            return found[-1]
        if inside := _inside(folder):
            raise UsageError(f"{folder} holds many runs: name one of them, {inside[-1].title} for example")
        if folder.exists():
            raise UsageError(f"{folder} is not the folder of a run: it has no config.yaml")
    titles = [f"{name}/{run.folder.name}" for name in _names(root) for run in versions(root / FOLDER / name)]
    titles = [title for title in titles if nearest(text.split("/")[0], [title.split("/")[0]])]
    hint = nearest(text, titles) or f". Train one: {program()} fit --config configs/NAME.yaml"
    raise UsageError(f"no run {text} in {root / FOLDER}{hint}")


def find_all(text: str, root: Path) -> list[Run]:
    """Return all runs of the study that a user names, or the run that `find` returns."""
    for folder in (Path(text), root / FOLDER / text):
        if not versions(folder) and (inside := _inside(folder)):
            return inside
    return [find(text, root)]


def containing(checkpoint: Path) -> Run | None:
    """Return the run whose checkpoint a file is, if it lies in a run."""
    folder = checkpoint.resolve().parent
    run = Run(Path(os.path.relpath(folder.parent)))
    return run if folder.name == "checkpoints" and run.config.is_file() else None


def _number(folder: Path) -> int:
    match = re.fullmatch(r"version_(\d+)", folder.name)
    return int(match[1]) if match else -1


def _names(root: Path) -> list[str]:
    """Return the names of runs, those of studies by their variants as well."""
    parents = {folder.parent for depth in ("*", "*/*") for folder in (root / FOLDER).glob(f"{depth}/version_*")}
    return sorted(parent.relative_to(root / FOLDER).as_posix() for parent in parents)


def _inside(folder: Path) -> list[Run]:
    """Return the runs in the sub-folders of the folder of a study."""
    return [run for part in sorted(folder.glob("*")) for run in versions(part) if run.config.is_file()]
