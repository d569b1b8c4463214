"""The rules of the layout: who may import what, where private names stand, what can be left out, where a test is."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from support import NO_DASHBOARD, PRODUCT, PROJECT, Result

from engine.commands import TABLE, Command

SRC, TESTS = PROJECT / "src", PROJECT / "tests"
FACES = {"engine", "engine.data", "engine.dashboard"}
LIBRARIES = ("lightning", "torch", "torchmetrics", "tensorboard", "jsonargparse")
PATCHES = ("engine.patches", "engine.training.resume", "engine.training.fast_loop")
ASKED_ONLY = ("wanted", "is_compiled", "size_name")  # functions of engine.patches that change nothing
RUN = "import runpy, sys; sys.modules.update(dict.fromkeys({gone!r})); runpy.run_module('app', run_name='__main__')"
STANDARD = {"os._exit": "ends a process whose launcher is gone, from a thread: sys.exit would end the thread only"}


def sources(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((SRC / folder).rglob("*.py"))]


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


def imports(file: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of each import, of a module as (module, "")."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from ((str(node.module), alias.name) for alias in node.names)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_names(file: Path) -> Iterator[str]:
    """Yield private names of libraries: imported, or attributes of anything but self, cls and super()."""
    for module, name in imports(file):
        if module.split(".")[0] in LIBRARIES and any(map(is_private, [*module.split("."), name])):
            yield f"{module} {name}"
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = ast.unparse(node.value)
            if owner not in ("self", "cls", "super()") and f"{owner}.{node.attr}" not in STANDARD:
                yield ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "vars"):
            texts = (argument.value for argument in node.args if isinstance(argument, ast.Constant))
            yield from (str(text) for text in texts if is_private(str(text)))


def test_the_engine_never_names_the_project() -> None:
    named = re.compile(r"\bapp\b")
    lines = [(file, line) for file in sources("engine") for line in file.read_text().splitlines()]
    assert len(lines) > 1000
    assert [(file.name, line) for file, line in lines if named.search(line)] == []


def test_the_project_imports_the_engine_through_its_faces() -> None:
    files = [file for file in sources("app") if file.name != "__main__.py"]
    found = {(file.name, module) for file in files for module, _ in imports(file) if module.split(".")[0] == "engine"}
    assert {module for _, module in found} == FACES, found


def test_networks_and_plots_know_neither_lightning_nor_the_engine() -> None:
    files = sources("app/networks", "app/figures/plots")
    assert len(files) > 5
    for file in files:
        roots = {module.split(".")[0] for module, _ in imports(file)}
        assert not roots & {"engine", "lightning", "pytorch_lightning"}, file


def test_private_names_of_libraries_stand_in_three_files() -> None:
    found = {module_of(file): list(private_names(file)) for file in sources("app", "engine")}
    assert all(found.pop(name) for name in PATCHES)
    assert {name: names for name, names in found.items() if names} == {}


def test_each_patch_has_a_switch_of_its_name() -> None:
    tree = ast.parse((SRC / "engine/patches.py").read_text())
    functions = [part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name not in ASKED_ONLY]
    assert len(functions) == 3
    for function in functions:
        assert f"wanted('{function.name}')" in ast.unparse(function)
    for name in PATCHES[1:]:
        assert f'wanted("{name.rpartition(".")[2]}")' in (SRC / f"{name.replace('.', '/')}.py").read_text()


def run_without(gone: tuple[str, ...], patches: str | None, folder: Path) -> Result:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1"}
    if patches is not None:
        environment["ENGINE_PATCHES"] = patches
    words = ["fit", "--config", str(PRODUCT), "--trainer.max_epochs", "2", *NO_DASHBOARD]
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(gone=gone), *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / "lightning_logs/product/version_0/checkpoints/last.ckpt"
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return found


@pytest.mark.parametrize(("gone", "patches"), [(PATCHES, None), pytest.param((), "none", marks=pytest.mark.slow)])
def test_without_the_patches_training_is_the_same_and_says_so(
    gone: tuple[str, ...], patches: str | None, app: Callable[..., Result], folder: Path
) -> None:
    (folder / "with").mkdir()
    words = ("--trainer.max_epochs", "2", "--trainer.default_root_dir", folder / "with")
    assert app("fit", "--config", PRODUCT, *words).exit_code == 0
    result = run_without(gone, patches, folder)
    assert result.exit_code == 0, result.err
    for name in gone:
        assert f"{name} is switched off" in result.err
    expected, found = weights(folder / "with"), weights(folder)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.name)
def test_each_row_of_commands_names_a_module_with_run(command: Command) -> None:
    place = SRC / command.module.replace(".", "/")
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    functions = [part.name for part in ast.parse(file.read_text()).body if isinstance(part, ast.FunctionDef)]
    assert "run" in functions


def test_a_command_of_its_own_is_imported_by_nothing_else() -> None:
    own = {command.module for command in TABLE} - {"engine.training.command"}
    assert "engine.board" in own
    for file in sources("app", "engine"):
        for module, name in imports(file):
            for command in own - {module_of(file)}:
                inside = module_of(file).startswith(f"{command}.")
                named = f"{module}.{name}".startswith(f"{command}.") or f"{module}.{name}" == command
                assert inside or not named, f"{file} imports {command}"


@pytest.mark.parametrize("folder", ["app", "engine"])
def test_a_test_file_lies_where_the_file_lies_that_it_tests(folder: str) -> None:
    tests = sorted((TESTS / folder).rglob("test_*.py"))
    assert tests
    for test in tests:
        tested = SRC / test.relative_to(TESTS).with_name(test.name.removeprefix("test_"))
        package = tested.with_suffix("") / "__init__.py"
        assert tested.is_file() or package.is_file(), f"{test} tests no file of its name"


def test_what_a_data_set_does_not_need_is_not_imported() -> None:
    # torchmetrics, which Lightning imports, looks for some of them: what counts is what is added.
    code = """
import sys, lightning.pytorch
before = set(sys.modules)
import app.data.product, app.data.chars
print(sorted({"pandas", "sklearn", "PIL"} & (set(sys.modules) - before)))
print([name for name in ("engine.data.table", "engine.data.image_files") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]
