"""Settings as a flat mapping from dotted keys to values, to say what changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Settings = dict[str, Any]


def tree(path: Path) -> dict[str, Any]:
    """Return the settings in a YAML file as they are nested."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def read(path: Path) -> Settings:
    """Return the settings in a YAML file, flat."""
    return flat(tree(path))


def flat(nested: Mapping[str, Any], prefix: str = "") -> Settings:
    """Return a nested mapping as dotted keys; a list is a value."""
    settings: Settings = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            settings |= flat(value, f"{prefix}{key}.")
        else:
            settings[f"{prefix}{key}"] = value
    return settings


def changes(before: Settings, after: Settings) -> dict[str, str]:
    """Return "old → new" for each key whose value differs."""
    keys = dict.fromkeys([*before, *after])
    return {key: f"{before.get(key)} → {after.get(key)}" for key in keys if before.get(key) != after.get(key)}
