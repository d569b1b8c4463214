"""Sources of settings: defaults, configs and command line, in the order in which later ones win."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from engine.project import current
from engine.runs.config_file import dump, read_tree
from engine.settings.choice import Choice
from engine.settings.names import updated

Tree = dict[str, Any]
SECTIONS = ("callbacks", "dashboard")  # each a mapping from a name to a callback
UNEXPECTED = "unexpected:"


class Sources:
    """The settings of a command before they are parsed."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self._given = {path: read_tree(path) for path in choice.configs}
        self._overrides = overrides_as_tree(choice.overrides)
        self.parts = list(self._parts())
        self.adapted = {path: self._adapt(path, tree) for path, tree in self._given.items()}

    def trees(self) -> Iterator[tuple[str, Tree]]:
        """Yield each source and its settings."""
        yield str(current().defaults), read_tree(current().defaults)
        yield from ((str(path), tree) for path, tree in self.adapted.items())
        yield "command line", {**self._overrides, **self._all_off(self._overrides)}

    def arguments(self) -> list[str]:
        """Return the words for the settings' parser; a config that had to be adapted is given as text."""
        words: list[str] = []
        for path in self.choice.configs:
            adapted = self.adapted[path]
            words += ["--config", str(path) if adapted == self._given[path] else dump(adapted)]
        rest, all_off = iter(self.choice.overrides), self._all_off(self._overrides)
        for word in rest:
            if not all_off or word.partition("=")[0] != "--dashboard":
                words.append(word)
                continue
            words += ["--config", dump(all_off)]
            if "=" not in word:
                next(rest)
        return words

    def _parts(self) -> Iterator[str]:
        """Yield `callbacks.NAME` and `dashboard.NAME` of the defaults, and others that come with a class."""
        trees = [read_tree(current().defaults), *self._given.values(), self._overrides]
        for section in SECTIONS:
            named = [tree[section] for tree in trees if isinstance(tree.get(section), Mapping)]
            first = named[0] if isinstance(trees[0].get(section), Mapping) else {}
            own = (name for part in named for name, value in part.items() if _class(value))
            yield from (f"{section}.{name}" for name in dict.fromkeys([*first, *own]))

    def _adapt(self, path: Path, tree: Tree) -> Tree:
        adapted = {**tree, **self._all_off(tree)}
        if (path.parent / "run.json").is_file():  # settings of a run, which an older version may have written
            adapted = updated(adapted)
            if _class(tree.get("data")) not in (None, self._data_class()):
                adapted.pop("data")  # other data is asked for: the arguments of the run's class would be taken over
        return adapted

    def _all_off(self, tree: Tree) -> Tree:
        """Return what `dashboard: null` means, a null for each panel; nothing if a tree does not say so."""
        if tree.get("dashboard", ...) not in (None, False):
            return {}
        return {"dashboard": {part.partition(".")[2]: None for part in self.parts if part.startswith("dashboard.")}}

    def _data_class(self) -> str | None:
        trees = [*self._given.values(), self._overrides]
        return next((name for tree in reversed(trees) if (name := _class(tree.get("data")))), None)


def overrides_as_tree(overrides: Sequence[str]) -> Tree:
    """Return `--a.b value --c=value` as nested settings, values as YAML has them."""
    tree: Tree = {}
    words = list(overrides)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            return {UNEXPECTED + word: None}
        key, found, text = word[2:].partition("=")
        if not found:
            text = words.pop(0) if words and not words[0].startswith("--") else ""
        branch = tree
        *parents, leaf = key.split(".")
        for parent in parents:
            child = branch.setdefault(parent, {})
            branch[parent] = branch = child if isinstance(child, dict) else {"class_path": child}
        branch[leaf] = text
        with contextlib.suppress(yaml.YAMLError):
            branch[leaf] = yaml.safe_load(text)
    return tree


def _class(value: Any) -> str | None:
    name = value.get("class_path") if isinstance(value, Mapping) else value
    return name if isinstance(name, str) and "." in name else None
