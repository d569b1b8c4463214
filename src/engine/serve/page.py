"""Stand-in for the page."""

from typing import Any

POLICY = "default-src 'none'"


def page(metadata: dict[str, Any]) -> str:
    """Return the page."""
    return "<!doctype html><title>model</title>"
