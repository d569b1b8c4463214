"""Names in settings: the classes that they can name, and what was renamed since an older run was written."""

import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engine.project import current
from engine.runs.config_file import read_tree

# Old name of a class, of a setting, and of an argument of a class, to the new one.
CLASSES = {"LeanLoop": "FastLoop"}
KEYS = {"lean_loop": "fast_loop"}
GONE = "draws"  # an argument that panels had
ARGUMENTS = {("Tabular", "whole"): "all_rows", ("ImageFolder", "whole"): "all_images"}
RENAMED = {**KEYS, "whole": "all_rows (of a table) or all_images (of a folder)"}  # what a message says


@cache
def class_paths(package: str) -> list[str]:
    """Return every path under which a package has a class, without importing it: those of an __all__ come first."""
    spec = importlib.util.find_spec(package)
    defined: list[str] = []
    exported: list[str] = []
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).rglob("*.py")):
            parts = [package, *file.relative_to(folder).with_suffix("").parts]
            module = ".".join(part for part in parts if part != "__init__")
            text = file.read_text(encoding="utf-8")
            defined += [f"{module}.{name}" for name in re.findall(r"^class ([A-Za-z]\w*)", text, re.MULTILINE)]
            for names in re.findall(r"^__all__ = \[(.*?)\]", text, re.MULTILINE | re.DOTALL):
                exported += [f"{module}.{name}" for name in re.findall(r"\w+", names)]
    classes = {path.rpartition(".")[2] for path in defined}
    return [path for path in exported if path.rpartition(".")[2] in classes] + defined


def known() -> dict[str, str]:
    """Return the classes of the project and of the engine: class name to the path to write as class_path."""
    paths = [*class_paths(current().package), *class_paths("engine")]
    return {path.rpartition(".")[2]: path for path in reversed(paths)}


def updated(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a run with the class paths and names of today."""
    changed: dict[str, Any] = _updated(settings, read_tree(current().defaults))
    return changed


def _updated(value: Any, default: Any, owner: str = "") -> Any:
    """Return settings with new names; default is what the defaults have in their place, owner the class around them."""
    if isinstance(value, list):
        return [_updated(item, None) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    path = value.get("class_path", owner)
    moved = _class_path(path, default.get("class_path") if isinstance(default, Mapping) else None)
    for key, item in value.items():
        name = ARGUMENTS.get((str(path).rpartition(".")[2], key)) or KEYS.get(str(key), str(key))
        beside = default.get(name) if isinstance(default, Mapping) else None
        found[name] = moved if name == "class_path" else _updated(item, beside, str(path))
    if moved != value.get("class_path", moved) and isinstance(found.get("init_args"), dict):
        kept = {name: item for name, item in found["init_args"].items() if item is not None and name != GONE}
        found["init_args"] = kept
    return found


def _class_path(path: Any, usual: Any) -> Any:
    """Return where a class is now: where it was, where the defaults have it, or where another class of its name is."""
    package, name = str(path).split(".")[0], str(path).rpartition(".")[2]
    if package not in ("engine", current().package) or path in class_paths(package):
        return path
    name = CLASSES.get(name, name)
    if str(usual).rpartition(".")[2] == name:
        return usual
    paths = [path for path in (*class_paths(current().package), *class_paths("engine")) if path.endswith(f".{name}")]
    panels = str(read_tree(current().defaults).get("dashboard"))  # which a list of callbacks does not mean
    return next((other for other in paths if f"{other}'" not in panels), path)
