"""Study files: variants, seeds and settings, checked before anything trains."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engine.errors import UsageError, nearest
from engine.runs.config_file import flat, read_tree, short
from engine.runs.folder import FOLDER, Run
from engine.settings.choice import choose
from engine.settings.sources import overrides_as_tree

KEYS = ("config", "settings", "seeds", "variants", "baseline", "figures", "see")
VARIANT_KEYS = ("config", "settings")
FIGURES, OUTPUT = "figures", "output"  # folders of a study beside those of its variants
# Settings that a study decides itself, and what to write in their place.
DECIDED = {
    "seed_everything": "seeds: [...]",
    "config": "config: [...]",
    "name": "--name beside the file",
    "trainer.default_root_dir": "--trainer.default_root_dir beside the file",
    **dict.fromkeys(("run", "version", "print_schedule"), "nothing of the kind"),
}


@dataclass(frozen=True)
class Variant:
    """What the runs of a variant have in common: configs, and settings as words of the command line."""

    configs: list[str]
    overrides: list[str]

    def settings(self) -> dict[str, Any]:
        """Return the settings by short keys, as study.json has them."""
        trees = [*(read_tree(Path(path)) for path in self.configs), overrides_as_tree(self.overrides)]
        found = {short(key): value for tree in trees for key, value in flat(tree).items()}
        settings: dict[str, Any] = json.loads(json.dumps(found, default=str))
        return settings


@dataclass(frozen=True)
class Study:
    """Variants and seeds, and where their runs are."""

    source: str  # file or command line, for messages
    name: str
    variants: dict[str, Variant]
    seeds: list[int]
    root: str = ""  # holds lightning_logs
    baseline: str | None = None
    figures: list[str] = field(default_factory=list)
    see: str = ""  # what the report says before its figures

    @property
    def folder(self) -> Path:
        """Where study.json and the report are, and the folders of the variants."""
        return Path(self.root or ".") / FOLDER / self.name

    def run(self, variant: str, seed: int) -> Run:
        """Return the place of a run."""
        return Run(self.folder / variant / f"version_{seed}")

    def words(self, variant: str, seed: int) -> list[str]:
        """Return the words after `fit` that make a run, in a worker or alone."""
        made = self.variants[variant]
        configs = [word for path in made.configs for word in ("--config", path)]
        place = ["--name", f"{self.name}/{variant}", "--version", str(seed)]
        root = ["--trainer.default_root_dir", self.root] if self.root else []
        return [*configs, *made.overrides, "--seed_everything", str(seed), *place, *root]

    def check(self) -> None:
        """Refuse configs that do not exist or cannot be read.

        Raises:
            UsageError: Naming file and variant.
        """
        for variant in self.variants:
            try:
                for path in choose("fit", self.words(variant, self.seeds[0])).configs:
                    read_tree(path)
            except UsageError as error:
                raise self.wrong(variant, error) from error

    def wrong(self, variant: str, error: object) -> UsageError:
        """Return an error in a variant."""
        return UsageError(f"{self.source}, variant {variant}: {error}")


def read(path: Path, name: str | None = None, root: str = "", overrides: Sequence[str] = ()) -> Study:
    """Return the study in a file.

    Args:
        path: The file.
        name: Of the study, by default the file's.
        root: Folder that holds lightning_logs.
        overrides: Settings of the command line, over all that the file says.

    Raises:
        UsageError: Naming file, variant and key of what is wrong, and the nearest valid name.
    """
    if not path.is_file():
        there = [str(file) for file in sorted({*path.parent.glob("*.yaml"), *Path("configs/studies").glob("*.yaml")})]
        hint = nearest(str(path), there) or nearest(path.stem, [Path(file).stem for file in there])
        raise UsageError(f"study {path} does not exist{hint}")
    tree = read_tree(path)
    _refuse_duplicates(path)
    _check_keys(f"{path}", tree, KEYS)
    common = _variant(f"{path}", tree)
    for key in flat(overrides_as_tree(overrides)):
        _check_free("command line", key)
    variants = tree.get("variants")
    if not isinstance(variants, Mapping) or not variants:
        raise UsageError(f"{path}: variants must hold a name and settings for each variant")
    found = {}
    for variant, value in variants.items():
        where = f"{path}, variant {variant}"
        if not re.fullmatch(r"[\w.+-]*\w", str(variant)) or str(variant) in (FIGURES, OUTPUT):
            raise UsageError(f"{where}: a variant's name is a folder's: letters, digits, _ + - and .")
        if not isinstance(value, Mapping | None):
            raise UsageError(f"{where}: must hold {' and '.join(VARIANT_KEYS)}, or be {{}}: {value}")
        _check_keys(where, value or {}, VARIANT_KEYS)
        made = _variant(where, value or {}, common)
        found[str(variant)] = Variant(made.configs, [*made.overrides, *overrides])
    baseline = tree.get("baseline")
    if baseline is not None and str(baseline) not in found:
        raise UsageError(f"{path}: baseline {baseline} is no variant{nearest(str(baseline), found)}")
    study = Study(
        str(path),
        _plain(name or path.stem),
        found,
        seeds(f"{path}: seeds", tree.get("seeds", 1)),
        root,
        None if baseline is None else str(baseline),
        _texts(f"{path}: figures", tree.get("figures")),
        " ".join(_texts(f"{path}: see", tree.get("see"))),
    )
    study.check()
    return study


def seeds(where: str, value: Any) -> list[int]:
    """Return the seeds that a number or a list means: 5 is 0 to 4.

    Raises:
        UsageError: If they are no seeds, or one stands twice.
    """
    found = list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(found, list) or not found or not all(type(seed) is int and 0 <= seed < 2**32 for seed in found):
        raise UsageError(f"{where} must be a number of seeds, 5 for 0 to 4, or a list of seeds: {value}")
    if twice := sorted({seed for seed in found if found.count(seed) > 1}):
        raise UsageError(f"{where}: {twice[0]} stands twice")
    return found


def _plain(name: str) -> str:
    if name in ("", ".", "..") or Path(name).name != name:
        raise UsageError(f"--name of a study must be a plain folder name: {name!r}")
    return name


def _variant(where: str, tree: Mapping[str, Any], common: Variant | None = None) -> Variant:
    settings = tree.get("settings") or {}
    if not isinstance(settings, Mapping):
        raise UsageError(f"{where}: settings must hold keys of the command line and values: {settings}")
    words: list[str] = []
    for key, value in flat(settings).items():
        _check_free(where, key)
        words += _words(key, value)
    configs = _texts(f"{where}: config", tree.get("config"))
    return Variant([*common.configs, *configs], [*common.overrides, *words]) if common else Variant(configs, words)


def _check_free(where: str, key: str) -> None:
    if key in DECIDED:
        raise UsageError(f"{where}: the study decides {key} itself: write {DECIDED[key]}")


def _words(key: str, value: Any) -> list[str]:
    """Return a setting as the command line takes it: a value as YAML has it in one line."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return [f"--{key}={text}"] if text.startswith("-") or not text else [f"--{key}", text]


def _texts(where: str, value: Any) -> list[str]:
    found = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise UsageError(f"{where} must be a text or a list of texts: {value}")
    return found


def _check_keys(where: str, tree: Mapping[str, Any], keys: Sequence[str]) -> None:
    for key in tree:
        if key not in keys:
            raise UsageError(f"{where}: unknown key {key}{nearest(str(key), keys)} (keys: {', '.join(keys)})")


def _refuse_duplicates(path: Path) -> None:
    """Refuse a key that stands twice: YAML drops the first without a word."""
    waiting = [yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, yaml.MappingNode):
            continue
        names = [key.value for key, _ in node.value]
        for key, value in node.value:
            if names.count(key.value) > 1:
                raise UsageError(f"{path}: {key.value} stands twice, the first time in line {key.start_mark.line + 1}")
            waiting.append(value)
