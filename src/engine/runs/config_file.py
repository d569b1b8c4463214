"""Settings in YAML files: nested as written, flat by dotted keys, and what differs between two."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from engine.errors import UsageError, one_line

Settings = dict[str, Any]

MAX_VALUES = 100_000  # in a config: limit against YAML alias bombs ("billion laughs")


def read_tree(path: Path) -> dict[str, Any]:
    """Return the settings in a YAML file as they are nested; a file that has not changed is read once.

    Raises:
        UsageError: If it cannot be read, or holds anything but keys and values.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"config {path} cannot be read: {one_line(error)}") from error


@cache
def _read(path: Path, version: int) -> dict[str, Any]:
    settings: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(settings, dict):
        raise UsageError(f"config {path} must hold keys and values, such as `trainer:`")
    waiting: list[Any] = [settings]
    for _ in range(MAX_VALUES):  # those of an alias count as often as it is used
        if not waiting:
            return settings
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
    raise UsageError(f"config {path} cannot be read: its aliases repeat themselves without an end")


def dump(settings: Mapping[str, Any]) -> str:
    """Return settings as YAML that the settings' parser reads back as they are."""
    return yaml.dump(settings, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that could be a number: 1e3 is text to YAML, and a number to the settings' parser."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        float(text.replace("_", ""))
        style = "'"
    except ValueError:
        style = None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, lambda dumper, text: _text(dumper, str.__str__(text)))  # an enum of texts


def flat(nested: Mapping[str, Any], prefix: str = "") -> Settings:
    """Return nested settings by dotted keys; a list is a value."""
    settings: Settings = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            settings |= flat(value, f"{prefix}{key}.")
        else:
            settings[f"{prefix}{key}"] = value
    return settings


def short(key: str) -> str:
    """Return a dotted key as the command line takes it, without init_args."""
    return key.replace(".init_args", "")


def changes(before: Settings, after: Settings) -> dict[str, str]:
    """Return "old → new" for each key whose value differs; not for an argument that a class has only got since."""
    keys = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    since = {key for key in keys if key not in before and f"{key.rpartition('.init_args.')[0]}.class_path" in before}
    return {key: f"{before.get(key)} → {after.get(key)}" for key in keys if key not in since}
