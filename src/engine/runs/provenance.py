"""Provenance of a run: package versions and the git commit."""

import subprocess
from importlib import metadata
from typing import Any

PACKAGES = ("torch", "lightning", "torchvision", "torchmetrics", "tensorboard", "jsonargparse")


def facts() -> dict[str, Any]:
    """Return versions of the packages that decide results, and the commit of the current folder."""
    return {"versions": {name: metadata.version(name) for name in PACKAGES}, "git_commit": git_commit()}


def git_commit() -> str | None:
    """Return the commit of the current folder, with "+changes" if files differ from it; None outside a repository."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+changes" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, timeout=10).stdout.strip()
