"""The set-up script: what it installs, and that a set-up which fails half-way is finished by the next call."""

import importlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from support import PROJECT

sys.path.insert(0, str(PROJECT / "scripts"))
environment = importlib.import_module("environment")


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of the same shape whose pip is a stand-in: the real one needs a network."""
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).write_text(name)
    monkeypatch.setattr(environment, "PROJECT", folder)
    monkeypatch.setattr(environment, "FOLDER", folder / ".venv")
    monkeypatch.setattr(environment, "PYTHON", folder / ".venv" / "python")
    return folder


@pytest.fixture
def installs(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    calls: list[list[str]] = []

    def create(path: Path, **_: object) -> None:
        path.mkdir()
        (path / "python").touch()

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if not (project / ".venv" / "python").exists():
            raise FileNotFoundError(command[0])
        if "install" in command:
            calls.append(command)
            if len(calls) == 1:
                raise subprocess.CalledProcessError(1, "pip")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("venv.create", create)
    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_a_failed_set_up_is_finished_by_the_next_call_and_then_left_alone(
    installs: list[list[str]], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert environment.run("app", []) == 1
    assert "the next call goes on" in capsys.readouterr().err
    environment.ensure()
    environment.ensure()
    assert len(installs) == 2
    assert str(project / "constraints.txt") in installs[1]


def test_other_dependencies_are_installed_again(installs: list[list[str]], project: Path) -> None:
    environment.run("app", [])
    environment.ensure()
    (project / "constraints.txt").write_text("torch==9")
    environment.ensure()
    assert len(installs) == 3


def test_tests_bring_what_the_app_needs(installs: list[list[str]], project: Path) -> None:
    environment.run("app", [])
    environment.ensure("test")
    environment.ensure()
    assert len(installs) == 2
    assert installs[1][-1] == f"{project}[test]"


def test_everything_installed_has_an_exact_version() -> None:
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.lower().replace("_", "-").split("==") for line in lines if "==" in line and line[0] != "#")
    for distribution in metadata.distributions():
        name = distribution.name.lower().replace("_", "-")
        if name not in ("app", "pip"):
            assert pinned.get(name) == distribution.version.lower(), name


def test_commands_pass_arguments_and_exit_code_through() -> None:
    done = subprocess.run([sys.executable, PROJECT / "scripts" / "run.py", "fti"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "did you mean fit?" in done.stderr
