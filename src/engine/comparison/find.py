"""Run folders by name: one run, all runs of a config, or all runs of a study."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from engine.errors import UsageError
from engine.runs import folder as runs
from engine.runs.folder import FOLDER, Run

VERSION = re.compile(r"version_(\d+)")


def everything(root: Path) -> list[Run]:
    """Return all runs, those in studies too, by name and version."""
    return list(below(root / FOLDER))


def below(folder: Path) -> Iterator[Run]:
    """Yield the runs in a folder: NAME/version_N, and STUDY/VARIANT/version_N."""
    yield from map(Run, map(Path, _below(str(folder), 3)))


def named(text: str, root: Path) -> list[Run]:
    """Return the runs that a user names: a folder, `product/version_3`, or all of `product` or of a study.

    Raises:
        UsageError: If there is none, naming the nearest.
    """
    for folder in (Path(text), root / FOLDER / text):
        if Run(folder).config.is_file():
            return [Run(folder)]
        if found := [run for run in below(folder) if run.config.is_file()]:
            return found
    try:
        return [runs.find(text, root)]
    except UsageError as error:
        studies = sorted({run.folder.parts[-3] for run in everything(root)} - {FOLDER})
        there = f" (studies: {', '.join(studies)})" if studies else ""
        raise UsageError(f"{error}{there}") from error


def _below(folder: str, depth: int) -> list[str]:
    """Return the folders version_N up to a depth; a run holds none."""
    try:
        with os.scandir(folder) as entries:  # pathlib takes ten times as long
            parts = sorted((entry.name for entry in entries if entry.is_dir()), key=_order)
    except OSError:
        return []
    found = []
    for name in parts:
        path = os.path.join(folder, name)  # noqa: PTH118
        if VERSION.fullmatch(name):
            found.append(path)
        elif depth > 1:
            found += _below(path, depth - 1)
    return found


def _order(name: str) -> tuple[int, str]:
    match = VERSION.fullmatch(name)
    return (int(match[1]), "") if match else (-1, name)
