"""`python -m app`: hands this package and the settings of its runs to the engine."""

from pathlib import Path

from engine.main import main
from engine.project import Project

PROJECT = Project(package=__package__ or "app", defaults=Path(__file__).with_name("defaults.yaml"))

if __name__ == "__main__":
    main(PROJECT)
