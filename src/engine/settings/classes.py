"""Classes that settings can name: an index read from the source files, and the import of one."""

import importlib
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

from engine.project import current


@cache
def index(package: str) -> dict[str, str]:
    """Return the classes of a package: class name to the path to write as class_path, that of its __all__ if any."""
    spec = importlib.util.find_spec(package)
    defined: dict[str, str] = {}
    exported: dict[str, str] = {}
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).rglob("*.py")):
            parts = [package, *file.relative_to(folder).with_suffix("").parts]
            module = ".".join(part for part in parts if part != "__init__")
            text = file.read_text(encoding="utf-8")
            for name in re.findall(r"^class ([A-Za-z]\w*)", text, re.MULTILINE):
                defined.setdefault(name, f"{module}.{name}")
            for names in re.findall(r"^__all__ = \[(.*?)\]", text, re.MULTILINE | re.DOTALL):
                exported |= {name: f"{module}.{name}" for name in re.findall(r"\w+", names)}
    return {name: exported.get(name, path) for name, path in defined.items()}


def known() -> dict[str, str]:
    """Return the classes of the project and of the engine."""
    return index("engine") | index(current().package)


def import_class(path: str) -> Any:
    """Return what a class path names."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
