"""Classes that settings can name: an index read from the source files, and the import of one."""

import importlib
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

from engine.project import current


@cache
def class_paths(package: str) -> list[str]:
    """Return every path under which a package has a class, without importing it: those of an __all__ come first."""
    spec = importlib.util.find_spec(package)
    defined: list[str] = []
    exported: list[str] = []
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).rglob("*.py")):
            parts = [package, *file.relative_to(folder).with_suffix("").parts]
            module = ".".join(part for part in parts if part != "__init__")
            text = file.read_text(encoding="utf-8")
            defined += [f"{module}.{name}" for name in re.findall(r"^class ([A-Za-z]\w*)", text, re.MULTILINE)]
            for names in re.findall(r"^__all__ = \[(.*?)\]", text, re.MULTILINE | re.DOTALL):
                exported += [f"{module}.{name}" for name in re.findall(r"\w+", names)]
    classes = {path.rpartition(".")[2] for path in defined}
    return [path for path in exported if path.rpartition(".")[2] in classes] + defined


def known() -> dict[str, str]:
    """Return the classes of the project and of the engine: class name to the path to write as class_path."""
    paths = [*class_paths(current().package), *class_paths("engine")]
    return {path.rpartition(".")[2]: path for path in reversed(paths)}


def import_class(path: str) -> Any:
    """Return what a class path names."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
