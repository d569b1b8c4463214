"""Facts of a run, read from its folder: record, settings and test scores."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from engine.errors import UsageError
from engine.runs.config_file import flat, read_tree, short
from engine.runs.folder import FOLDER, Run

# Settings that change nothing of what is learned, by their short keys, and all below them: where a run lies and what it
# shows and writes.
QUIET = (
    *("seed_everything", "dashboard", "trainer.default_root_dir", "trainer.logger", "trainer.profiler"),
    *("trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.enable_checkpointing"),
    *("trainer.log_every_n_steps", "callbacks.progress", "callbacks.learning_rate", "callbacks.summary"),
    *("callbacks.diagnosis", "callbacks.predictions", "callbacks.fast_loop"),
)
PATHS = re.compile(r".*(path|root|dir|folder|file)|init_from")  # keys of paths
LARGE, DEEP = 100_000, 1000  # from here on the fast parser of YAML, which may crash on nested values, is not used


@dataclass(frozen=True)
class Facts:
    """What a run's folder says about it."""

    run: Run
    record: dict[str, Any]  # run.json

    @classmethod
    def read(cls, run: Run) -> "Facts":
        """Return the facts of a run.

        Raises:
            UsageError: If run.json is damaged.
        """
        return cls(run, run.record())

    @cached_property
    def status(self) -> str:
        """How it stands; the lock tells of a run that says that it is running."""
        status = str(self.record.get("status", "unknown"))
        return "interrupted" if status == "running" and not self.run.alive else status

    @property
    def seed(self) -> int | None:
        """Its seed."""
        seed: int | None = self.record.get("seed")
        return seed

    @cached_property
    def name(self) -> str:
        """Name of its config, or of its variant in a study."""
        return self.run.name.rpartition("/")[2]

    @cached_property
    def study(self) -> str | None:
        """Name of the study that it is part of: lightning_logs/STUDY/VARIANT/version_N."""
        parts = self.run.folder.parts
        parts = parts if len(parts) > 3 else self.run.folder.absolute().parts
        return parts[-3] if len(parts) > 3 and parts[-4] == FOLDER else None

    @cached_property
    def scores(self) -> dict[str, float | None] | None:
        """The metrics in test.json, null for one that is not finite; None if there is none."""
        try:
            scores = json.loads((self.run.folder / "test.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(scores, dict):
            return None
        return {
            str(name): value if finite(value) else None
            for name, value in scores.items()
            if value is None or isinstance(value, int | float)
        }

    @cached_property
    def tested(self) -> dict[str, Any]:
        """What the record says about the test."""
        return self.record.get("test") or {}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All settings by short keys; that of a class is its path: model.optimizer torch.optim.Adam.

        Raises:
            UsageError: If config.yaml cannot be read.
        """
        settings = {
            short(key).removesuffix(".class_path"): value for key, value in flat(_tree(self.run.config)).items()
        }
        start = self.record.get("init_from")
        return {**settings, "init_from": re.sub(r"/version_\d+/.*", "", str(start))} if start else settings

    def recipe(self) -> dict[str, Any]:
        """Return the settings that decide what is learned, without the seed; a path is its last part."""
        quiet = tuple(f"{key}." for key in QUIET)
        return {key: _name(key, value) for key, value in self.settings.items() if not f"{key}.".startswith(quiet)}


def _tree(path: Path) -> Mapping[str, Any]:
    """Return the settings in a file, with the fast parser where that is safe."""
    try:
        text = path.read_text(encoding="utf-8")
        nested = sum(map(text.count, ("[", "{", "- ", "? ")))
        if len(text) < LARGE and nested < DEEP and "&" not in text and yaml.__with_libyaml__:
            tree = yaml.load(text, Loader=yaml.CSafeLoader)  # the safe one, in C
            if isinstance(tree, dict):
                return tree
    except (OSError, ValueError, yaml.YAMLError):
        pass  # the other one says what is wrong
    return read_tree(path)


def _name(key: str, value: Any) -> Any:
    """Return the last part of a path, which may lie elsewhere on another machine, any other value as it is."""
    is_path = isinstance(value, str) and (PATHS.fullmatch(key) or re.match(r"[/\\~.]|[A-Za-z]:[/\\]", value))
    return re.split(r"[/\\]", value.rstrip("/\\"))[-1] if is_path else value


def finite(value: Any) -> bool:
    """Return whether a value of JSON is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def main_metrics(names: Iterable[str]) -> list[str]:
    """Return names of metrics, losses first, without those of single classes: accuracy_cat, accuracy_dog..."""
    found = sorted(set(names), key=lambda name: (not name.endswith("/loss"), name))
    parts = Counter(owner for name in found for owner in found if name.startswith(f"{owner}_"))
    many = tuple(f"{owner}_" for owner, number in parts.items() if number > 2)
    return [name for name in found if not name.startswith(many)]


def best(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return monitor, score and epoch of a run's best checkpoint."""
    found = record.get("best")
    if not found:
        return None
    try:
        return {"monitor": found["monitor"], "score": found["score"], "epoch": found["epoch"]}
    except KeyError as error:
        raise UsageError(f"run.json is damaged: best has no {error}") from error
