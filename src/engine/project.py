"""The project that the engine runs: its package, and the settings that its runs start from."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Project:
    """What a project hands over when it starts the engine."""

    package: str  # its name, as in `python -m PACKAGE`
    defaults: Path  # YAML file with the settings of every run


_current = [Project("project", Path("defaults.yaml"))]  # until a command sets its own: a notebook never does


def set_current(project: Project) -> None:
    """Choose the project that this process runs."""
    _current[0] = project


def current() -> Project:
    """Return the project that this process runs."""
    return _current[0]


def program() -> str:
    """Return how the user calls the project, for commands in messages; the set-up script passes its own name on."""
    return os.environ.get("APP_PROGRAM") or f"python -m {current().package}"
