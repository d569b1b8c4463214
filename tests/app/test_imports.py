"""What the project's own code may import, and what importing it may not load."""

import re
import subprocess
import sys

import pytest
from support import PROJECT

FACES = {"engine", "engine.data"}
FOLDERS = ("data", "tasks", "networks", "probes.py", "schedules.py")


def imported(*folders: str) -> set[tuple[str, str]]:
    """Return (file, module) of every import below parts of src/app."""
    root = PROJECT / "src" / "app"
    files = [
        file for folder in folders for file in ([root / folder] if "." in folder else (root / folder).glob("*.py"))
    ]
    pattern = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)
    return {(file.name, module) for file in files for module in pattern.findall(file.read_text())}


def test_the_engine_is_imported_through_its_faces() -> None:
    found = {(file, module) for file, module in imported(*FOLDERS) if module.split(".")[0] == "engine"}
    assert {module for _, module in found} == FACES, found


def test_networks_know_neither_lightning_nor_the_engine() -> None:
    assert {module.split(".")[0] for _, module in imported("networks")} <= {"app", "collections", "torch", "typing"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("app.data.product", ("pandas", "sklearn", "PIL")), ("app.data.chars", ("pandas", "sklearn", "PIL"))],
)
def test_what_a_data_set_does_not_need_is_not_imported(module: str, heavy: tuple[str, ...]) -> None:
    # torchmetrics, which Lightning imports, looks for some of them: what counts is what is added.
    code = f"""
import sys, lightning.pytorch
before = set(sys.modules)
import {module}
print(sorted({set(heavy)!r} & (set(sys.modules) - before)))
print([name for name in ("engine.data.table", "engine.data.image_files") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]
