"""Provenance of a run: package versions and the git commit."""

import contextlib
import subprocess
from importlib import metadata
from typing import Any

PACKAGES = ("torch", "lightning", "torchvision", "torchmetrics", "tensorboard", "jsonargparse")


def facts() -> dict[str, Any]:
    """Return versions of the packages that decide results, and the git commit of the current folder, if it has one."""
    commit = None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        commit = _git("rev-parse", "HEAD") + ("+changes" if _git("status", "--porcelain") else "")
    return {"versions": {name: metadata.version(name) for name in PACKAGES}, "git_commit": commit}


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, timeout=10).stdout.strip()
