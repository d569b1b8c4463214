"""Report of a comparison: Markdown, a page for the browser, and figures."""

from collections.abc import Sequence
from pathlib import Path

from engine.comparison import curves, draw, page, table
from engine.comparison.compare import Comparison, data_letters
from engine.comparison.curves import Curve
from engine.comparison.table import Table
from engine.errors import UsageError
from engine.fonts import drawable
from engine.runs.files import write_text

METRICS = 9  # in the figure of scores at most

Curves = dict[Path, dict[str, Curve]]


def write(
    comparison: Comparison,
    folder: Path,
    title: str = "Comparison of runs",
    name: str = "comparison",
    figures: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> list[Path]:
    """Write NAME.md, NAME.html and figures/*.svg and *.png into a folder, and return the paths of the first two.

    Args:
        comparison: What to report.
        folder: Made if it is missing; files of the same names are replaced.
        title: Heading.
        name: Of the files.
        figures: Logged numbers whose curves are drawn, by name or its last part: val/accuracy, gradient_norm. Empty:
            losses, metrics, learning rate, gradient norm and weight norm, as far as they were logged. One that no run
            has logged is a line in the report. "train/y against train/x" is the path of two of them.
        notes: Paragraphs below the heading, plain text: what to see in it.

    Raises:
        OSError: If it cannot be written.
    """
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    found = {facts.run.folder: curves.read(facts.run.folder) for group in comparison.groups for facts in group.every}
    logged, missing = _logged(found, figures)
    drawn, legend = _figures(comparison, folder / "figures", found, logged)
    lines = [*comparison.warnings, *missing, *legend]
    text = [*notes, *table.notes(comparison)]
    sections: list[tuple[str, Table | Sequence[str] | Sequence[Path]]] = [("Groups", table.groups(comparison))]
    if comparison.differences:
        heading = f"Differences to {comparison.baseline}"
        sections.append((heading, table.differences(comparison)))
    if lines:
        sections.append(("Notes", lines))
    runs = [
        f"{group.name}: {', '.join(facts.run.title for facts in group.runs) or 'none'}" for group in comparison.groups
    ]
    sections += [("Figures", drawn)] if drawn else []
    sections.append(("Runs that are averaged", runs))
    paths = [folder / f"{name}.md", folder / f"{name}.html"]
    write_text(paths[0], _markdown(title, text, sections))
    write_text(paths[1], page.page(title, text, sections))
    return paths


def check(comparison: Comparison, names: Sequence[str]) -> None:
    """Refuse a figure that no run can have.

    Raises:
        UsageError: Naming the nearest, or those that are meant.
    """
    logged = {name for group in comparison.groups for facts in group.every for name in curves.read(facts.run.folder)}
    for name in names:
        curves.resolve(name, logged)


def _logged(found: Curves, asked: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names of the curves to draw, and a line for each that is not there."""
    every = [name for logged in found.values() for name in logged]
    if not asked:
        return curves.usual(every), []
    names, missing = [], []
    for name in asked:
        try:
            names.append(curves.resolve(name, every))
        except UsageError as error:
            missing.append(f"no figure of {name}: {error}")
    return list(dict.fromkeys(names)), missing


def _figures(
    comparison: Comparison, folder: Path, found: Curves, logged: Sequence[str]
) -> tuple[list[Path], list[str]]:
    """Write the figures and return their paths, and a legend for names that no font can show."""
    names, legend = drawable([group.name for group in comparison.groups])
    paths = _scores(comparison, folder, names)
    for title in logged:
        averaged, others = (
            [[curve for facts in runs if (curve := curves.find(found[facts.run.folder], title))] for runs in sides]
            for sides in zip(*((group.runs, group.left_out) for group in comparison.groups), strict=True)
        )
        plot = draw.paths if curves.AGAINST in title else draw.curves
        figure = plot(drawable([title])[0][0], names, averaged, others)
        paths.append(draw.save(figure, folder, curves.file_name(title)))
    return paths, [f"in figures, {line.removeprefix('* ')}" for line in legend.splitlines()]


def _scores(comparison: Comparison, folder: Path, names: Sequence[str]) -> list[Path]:
    """Write a figure of final scores for all that was tested on the same samples."""
    letters = data_letters(comparison.groups)
    paths: list[Path] = []
    for letter in sorted(set(letters.values())):
        places = [place for place, group in enumerate(comparison.groups) if letters.get(group.name) == letter]
        groups = [comparison.groups[place] for place in places]
        values = {metric: [group.values(metric) for group in groups] for metric in comparison.metrics}
        shown = [(metric, columns) for metric, columns in values.items() if any(columns)][:METRICS]
        if shown:
            data = "" if len(set(letters.values())) == 1 else f", test data {letter}"
            title = f"test scores{data}: mean and its 95 % interval, a dot for each seed"
            figure = draw.scores(title, [names[place] for place in places], dict(shown))
            paths.append(draw.save(figure, folder, "scores" if not paths else f"scores_{len(paths) + 1}"))
    return paths


def _markdown(
    title: str, notes: Sequence[str], sections: Sequence[tuple[str, Table | Sequence[str] | Sequence[Path]]]
) -> str:
    parts = [f"# {title}", *notes]
    for heading, content in sections:
        parts.append(f"## {heading}")
        if isinstance(content, Table):
            parts.append(_table(content))
        elif content and isinstance(content[0], Path):
            parts += [f"![{Path(path).stem}](figures/{Path(path).name})" for path in content]
        else:
            parts.append("\n".join(f"* {line}" for line in content))
    return "\n\n".join(parts) + "\n"


def _table(content: Table) -> str:
    lines = [content.names, ["---"] * len(content.names), *content.rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
