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
