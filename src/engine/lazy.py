"""Imports at first use, and imports that may fail."""

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.errors import UsageError
from engine.project import current


def names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's `__getattr__` (PEP 562); homes are its public names, and the module that defines each."""

    def getattribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return getattribute


@cache
def optional(module: str) -> ModuleType | None:
    """Import a module that uses private names of libraries; print a line and return None if they have changed."""
    try:
        return importlib.import_module(module)
    except (ImportError, AttributeError) as error:
        sys.stderr.write(f"{module} is switched off, for a library has changed: {error}\n")
        return None


def needed(module: str, extra: str) -> ModuleType:
    """Import a module that an extra of the project brings.

    Raises:
        UsageError: With the command that installs the extra, if it is missing.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise UsageError(f"{error.name} is not installed: {install(extra)}") from error


def install(extra: str) -> str:
    """Return the command that installs an extra of the project: from its own folder, if it runs from there."""
    python = os.path.relpath(sys.executable) if Path(sys.executable).is_relative_to(Path.cwd()) else sys.executable
    for folder in current().defaults.absolute().parents:
        if (folder / "pyproject.toml").is_file():
            constraints = folder / "constraints.txt"
            pinned = f' -c "{_shown(constraints)}"' if constraints.is_file() else ""
            return f'{python} -m pip install{pinned} -e "{_shown(folder)}[{extra}]"'
    return f'{python} -m pip install "{current().package}[{extra}]"'


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
