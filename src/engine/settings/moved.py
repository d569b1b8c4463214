"""Classes and settings that have moved: the settings of an older run are read as if they were written today."""

import importlib.util
from collections.abc import Mapping
from typing import Any

from engine.project import current
from engine.runs.config_file import read_tree
from engine.settings.classes import import_class, known

# Old name of a class, setting or argument to the new one.
CLASSES = {"LeanLoop": "FastLoop"}
KEYS = {"lean_loop": "fast_loop"}
ARGUMENTS = {"Tabular": {"whole": "all_rows"}, "ImageFolder": {"whole": "all_images"}}  # by class


def updated(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a run with the class paths and keys of today."""
    changed = _renamed(settings, read_tree(current().defaults))
    assert isinstance(changed, dict)
    panels = changed.get("dashboard")
    if changed != settings and isinstance(panels, dict):
        changed["dashboard"] = {name: _without_removed(panel) for name, panel in panels.items()}
    return changed


def _renamed(value: Any, default: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(item, None) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = KEYS.get(str(key), str(key))
        beside = default.get(name) if isinstance(default, Mapping) else None
        found[name] = _class_path(item, default) if name == "class_path" else _renamed(item, beside)
    return _renamed_arguments(found)


def _renamed_arguments(part: dict[str, Any]) -> dict[str, Any]:
    """Return a class and its arguments with the names of today."""
    names = ARGUMENTS.get(str(part.get("class_path")).rpartition(".")[2], {})
    arguments = part.get("init_args")
    if not names or not isinstance(arguments, dict):
        return part
    return {**part, "init_args": {names.get(name, name): value for name, value in arguments.items()}}


def _without_removed(panel: Any) -> Any:
    """Return a panel without arguments that its class no longer has: they change nothing that is learned."""
    from engine.settings.explain import signature  # which imports this module

    arguments = panel.get("init_args") if isinstance(panel, dict) else None
    if not arguments or not _exists(panel["class_path"]):
        return panel
    known_now = signature(import_class(panel["class_path"]))
    return {**panel, "init_args": {name: value for name, value in arguments.items() if name in known_now}}


def _class_path(path: Any, default: Any) -> Any:
    """Return where a class is now: where it was, where the defaults have it, or where a class of its name is."""
    if not isinstance(path, str) or _exists(path):
        return path
    old = path.rpartition(".")[2]
    name = CLASSES.get(old, old)
    usual = default.get("class_path", "") if isinstance(default, Mapping) else ""
    return usual if usual.rpartition(".")[2] == name else known().get(name, path)


def _exists(path: str) -> bool:
    """Return whether a class path names a class; those of other packages have not moved."""
    module, _, name = path.rpartition(".")
    if module.split(".")[0] not in ("engine", current().package):
        return True
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return False
    return spec is not None and (known().get(name) == path or f"class {name}(" in _source(spec.origin))


def _source(file: str | None) -> str:
    if file is None:
        return ""
    with open(file, encoding="utf-8") as source:  # noqa: PTH123  # a module's origin is a text
        return source.read()
