"""Imports at first use, and imports that may fail."""

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any


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
