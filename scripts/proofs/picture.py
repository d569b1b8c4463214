"""Draws the packages of src with their line counts and imports: docs/architecture.svg.

    .venv/bin/python scripts/proofs/picture.py [--out docs/architecture.svg]

Line counts and arrows come from the files; only the places of the boxes stand here. A command that is not listed in
ROOMS gets a box beside `board`.
"""

# mypy: disable-error-code="import-untyped"
import argparse
import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

SRC = Path(__file__).parents[2] / "src"
OWN, ENGINE, HELPER = "#fff1d6", "#e3edf8", "#f2f2f2"


@dataclass(frozen=True)
class Room:
    """A box: some packages or modules.

    Args:
        names: What it holds: the modules of these names, and all below them.
        text: What they do.
        x: Left edge.
        y: Lower edge.
        width: Of the box.
        height: Of the box.
    """

    names: tuple[str, ...]
    text: str
    x: float
    y: float
    width: float = 2.3
    height: float = 0.9

    @property
    def title(self) -> str:
        """The names, without that of their package."""
        last = [name.split(".")[-1] for name in self.names]
        return "helpers" if "errors" in last else ", ".join(last)

    @property
    def color(self) -> str:
        """That of the project, of the engine, or of the engine's helpers."""
        return OWN if self.names[0].startswith("app") else HELPER if self.title == "helpers" else ENGINE


ROOMS = (
    Room(("app.__main__",), "hands over defaults.yaml", 0.0, 8.2),
    Room(("app.figures",), "what a task shows", 5.3, 8.2),
    Room(("app.probes", "app.schedules"), "test metrics of one data set", 2.65, 8.2),
    Room(("app.tasks",), "loss, metrics, prediction", 7.95, 8.2),
    Room(("app.data",), "one class a data set", 10.6, 8.2),
    Room(("app.networks",), "plain torch.nn", 7.95, 9.75),
    Room(("engine.main", "engine.commands"), "entry, exit codes, table", 0.0, 4.9),
    Room(("engine.dashboard",), "panels for TensorBoard", 2.65, 4.9),
    Room(("engine.diagnosis",), "symptoms and advice", 5.3, 4.9),
    Room(("engine.task",), "the steps: SupervisedTask", 7.95, 4.9),
    Room(("engine.data",), "splits in memory,\nloaders, tables, images", 10.6, 3.3, height=2.5),
    Room(("engine.training",), "fit, test, predict, callbacks, resume, fast loop", 5.6, 3.3, 4.65),
    Room(("engine.studies",), "study: runs in workers", 1.6, 3.3, 1.75),
    Room(("engine.comparison",), "runs, compare, diff", 3.6, 3.3, 1.75),
    Room(("engine.settings",), "configs, options, messages", 2.0, 1.9, 2.1),
    Room(("engine.logs",), "metrics.csv, events, lines", 4.5, 1.9),
    Room(("engine.export",), "one file, proven equal", 7.0, 1.9, 1.9),
    Room(("engine.serve",), "page and API", 9.1, 1.9, 1.6),
    Room(("engine.exported",), "reads that file, without torch", 10.9, 1.9, 2.0),
    Room(("engine.runs",), "run folders and their files: config.yaml, run.json, checkpoints", 0.0, 0.5, 10.25),
    Room(
        (
            "engine.errors",
            "engine.console",
            "engine.fonts",
            "engine.process",
            "engine.project",
            "engine.lazy",
            "engine.patches",
            "engine.watcher",
        ),
        "errors, console, fonts, process, project, lazy, patches, watcher",
        0.0,
        -0.9,
        12.9,
    ),
)
COMMANDS = Room(("engine.board",), "TensorBoard", 0.0, 3.3, 1.35)
WALL = 6.65
FACES = {  # doors in the wall: what the project may import
    name: Room((name,), "", x, WALL - 0.2, 1.5, 0.4)
    for name, x in (("engine.main", 0.4), ("engine.dashboard", 3.05), ("engine", 8.35), ("engine.data", 11.0))
}


def modules() -> dict[str, Path]:
    """Return the files of src by the name of their module."""
    names = {".".join(path.relative_to(SRC).with_suffix("").parts): path for path in SRC.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in names.items()}


def imported(path: Path) -> Iterator[str]:
    """Yield what a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def within(module: str, names: tuple[str, ...]) -> bool:
    """Return whether a module is one of some, or below one."""
    return any(f"{module}.".startswith(f"{name}.") for name in names)


def rooms(files: dict[str, Path]) -> list[Room]:
    """Return the boxes; what has no place of its own stands with the commands."""
    parts = {".".join(name.split(".")[:2]) for name in files if "." in name}
    other = sorted(part for part in parts if not any(within(part, room.names) for room in ROOMS))
    return [*ROOMS, replace(COMMANDS, names=tuple(other), text=COMMANDS.text if len(other) == 1 else "")]


def arrows(files: dict[str, Path], home: dict[str, Room]) -> set[tuple[Room, Room]]:
    """Return which box imports from which; the project's imports of the engine end at a face."""
    found = set()
    for name, path in files.items():
        for target in imported(path):
            parts = target.split(".")
            other = next((".".join(parts[:n]) for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in files), "")
            start, end = home.get(name, FACES.get(name)), home.get(other, FACES.get(other))
            if name.startswith("app") and other.startswith("engine"):
                end = FACES.get(other, FACES["engine.main"] if name == "app.__main__" else FACES["engine"])
            if start is not None and end is not None and start is not end:
                found.add((start, end))
    return found | {(FACES[name], home[name]) for name in FACES if name in home}


def by_name(files: dict[str, Path], home: dict[str, Room]) -> set[tuple[Room, Room]]:
    """Return the arrows from the table of commands to the modules that it names as texts."""
    texts = {node.value for node in ast.walk(ast.parse(files["engine.commands"].read_text())) if is_text(node)}
    return {(home["engine.commands"], home[text]) for text in texts if text in home}


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    """Return whether a node is a text."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def box(axes: Axes, x: float, y: float, width: float, height: float, color: str) -> None:
    """Draw a rounded box."""
    style = "round,pad=0,rounding_size=0.08"
    patch = FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=color, edgecolor="#555", lw=0.9, zorder=3)
    axes.add_patch(patch)


def arrow(axes: Axes, a: Room, b: Room, others: list[Room], style: str = "-") -> None:
    """Draw an arrow between two boxes, in light grey if it goes to the helpers."""
    light = b.title == "helpers"
    patch = FancyArrowPatch(
        *ends(a, b, others),
        arrowstyle="-|>",
        mutation_scale=9,
        linestyle=style,
        color="#d5d5d5" if light else "#3b5b7d",
        lw=0.7 if light else 1.2,
        zorder=1 if light else 2,
    )
    axes.add_patch(patch)


def ends(a: Room, b: Room, others: list[Room]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where an arrow leaves a box and where it meets the other, on the sides that face each other."""
    left, right = max(a.x, b.x), min(a.x + a.width, b.x + b.width)
    down, up = max(a.y, b.y), min(a.y + a.height, b.y + b.height)
    if up - down > 0.2:  # side by side
        y = (down + up) / 2
        return ((a.x + a.width, y), (b.x, y)) if a.x < b.x else ((a.x, y), (b.x + b.width, y))
    below = a.y > b.y
    edge, face = (a.y, b.y + b.height) if below else (a.y + a.height, b.y)
    if right - left > 0.3:
        middle = (left + right) / 2 + (0.12 if below else -0.12)  # so that two opposite arrows stand side by side
        places = [middle + step * (right - left - 0.3) / 20 for step in (0, *range(1, 11), *range(-1, -11, -1))]
        x = min(places, key=lambda x: (crossed(x, edge, face, others), abs(x - middle)))
        return (x, edge), (x, face)
    start = a.x + a.width * (0.8 if a.x < b.x else 0.2)
    return (start, edge), (b.x + b.width * (0.2 if a.x < b.x else 0.8), face)


def crossed(x: float, start: float, end: float, others: list[Room]) -> int:
    """Return how many boxes an upright line runs under."""
    low, high = sorted((start, end))
    return sum(room.x - 0.1 < x < room.x + room.width + 0.1 and low < room.y + 0.1 < high for room in others)


def draw(out: Path) -> None:
    """Draw boxes, wall and arrows."""
    mpl.rcParams["svg.hashsalt"] = "architecture"  # the same file from the same source
    files = modules()
    all_rooms = rooms(files)
    home = {name: room for name in files for room in all_rooms if within(name, room.names)}
    figure = Figure(figsize=(13, 11.6))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.4, 13.3), ylim=(-1.1, 11.0))
    axes.axis("off")
    for room in all_rooms:
        texts = [files[name].read_text(encoding="utf-8") for name in files if home.get(name) is room]
        what = f"{room.text}\n{sum(len(text.splitlines()) for text in texts):,} lines".strip()
        box(axes, room.x, room.y, room.width, room.height, room.color)
        middle = room.x + room.width / 2
        base = room.y + room.height / 2
        axes.text(middle, base + 0.15, room.title, ha="center", weight="bold", size=11, zorder=4)
        axes.text(middle, base + 0.07, what, ha="center", va="top", size=8.5, zorder=4)
    axes.plot((-0.4, 13.3), (WALL, WALL), color="#b04a3a", lw=4, zorder=2)
    for door in FACES.values():
        box(axes, door.x, door.y, door.width, door.height, "white")
        axes.text(door.x + door.width / 2, WALL - 0.07, door.names[0], ha="center", size=9, zorder=4)
    for start, end in sorted(arrows(files, home), key=str):
        arrow(axes, start, end, all_rooms)
    for start, end in sorted(by_name(files, home), key=str):
        arrow(axes, start, end, all_rooms, "--")
    for x, y, text in ((-0.3, 10.5, "src/app: yours"), (5.3, WALL - 0.4, "src/engine: runs it")):
        axes.text(x, y, text, size=13, weight="bold", color="#b04a3a")
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=SRC.parent / "docs" / "architecture.svg")
    draw(parser.parse_args().out)
