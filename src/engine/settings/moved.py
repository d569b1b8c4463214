"""Classes and settings that have moved: the settings of an older run are read as if they were written today."""

from collections.abc import Mapping
from typing import Any

from engine.project import current
from engine.runs.config_file import read_tree
from engine.settings.classes import class_paths

# Old name of a class, of a setting, and of an argument of a class, to the new one.
CLASSES = {"LeanLoop": "FastLoop"}
KEYS = {"lean_loop": "fast_loop"}
GONE = "draws"  # an argument that panels had
ARGUMENTS = {("Tabular", "whole"): "all_rows", ("ImageFolder", "whole"): "all_images"}


def updated(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a run with the class paths and names of today."""
    changed: dict[str, Any] = _renamed(settings, read_tree(current().defaults))
    return changed


def _renamed(value: Any, default: Any, owner: str = "") -> Any:
    """Return settings with new names; default is what the defaults have in their place, owner the class around them."""
    if isinstance(value, list):
        return [_renamed(item, None) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    path = value.get("class_path", owner)
    moved = _class_path(path, default.get("class_path") if isinstance(default, Mapping) else None)
    for key, item in value.items():
        name = ARGUMENTS.get((str(path).rpartition(".")[2], key)) or KEYS.get(str(key), str(key))
        beside = default.get(name) if isinstance(default, Mapping) else None
        found[name] = moved if name == "class_path" else _renamed(item, beside, str(path))
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
