"""Plain settings: what config.yaml holds of what was parsed."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser, Namespace

LOST = "Unable to serialize instance"  # how the parser writes an object that it has no text for
ABSENT = object()


def plain(parser: ArgumentParser, config: Namespace) -> dict[str, Any]:
    """Return parsed settings as a config has them.

    Objects come from the defaults of constructors only: one without a text, a loss function say, is left out, and so
    stays the default.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=rf"\s*{LOST}")
        # Values were checked when they were parsed: another check takes longer than the text.
        settings: dict[str, Any] = yaml.safe_load(parser.dump(config, skip_none=False, skip_validation=True))
    settings.pop("config", None)
    found: dict[str, Any] = _repaired(settings, config)
    return found


def _repaired(written: Any, parsed: Any) -> Any:
    """Return what was written, with the text of each object that was lost, without those that have none."""
    if isinstance(written, Mapping):
        values = parsed if isinstance(parsed, Mapping) else getattr(parsed, "__dict__", {})
        repaired = {key: _repaired(value, values.get(key)) for key, value in written.items()}
        return {key: value for key, value in repaired.items() if value is not ABSENT}
    if isinstance(written, list):
        before = parsed if isinstance(parsed, list | tuple) and len(parsed) == len(written) else [None] * len(written)
        pairs = zip(written, before, strict=True)
        return [value for pair in pairs if (value := _repaired(*pair)) is not ABSENT]
    if isinstance(written, str) and written.startswith(LOST):
        return str(parsed) if isinstance(parsed, str | torch.device) else ABSENT
    return written
