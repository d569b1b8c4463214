"""Report of a study: the comparison of its variants, on the console and as files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine import console
from engine.studies.study_file import Study

if TYPE_CHECKING:
    from engine.comparison.compare import Comparison
    from engine.studies.coordinator import Task


def load() -> None:
    """Import what a report needs, which takes a second."""
    from engine.comparison import report, verdicts  # noqa: F401


def write(study: Study, tasks: "Sequence[Task]") -> None:
    """Print the comparison, and write report.md, report.html and figures/ into the study's folder."""
    from engine.comparison import report, table
    from engine.comparison.compare import compare

    began = [task.run for task in tasks if task.run.config.is_file()]
    if not began:
        return
    comparison = complete(compare(began, baseline=_baseline(study)), tasks)
    table.show(comparison)
    paths = report.write(
        comparison,
        study.folder,
        title=f"Study {study.name}",
        name="report",
        figures=study.figures,
        notes=[study.see] if study.see else [],
    )
    console.say("\n" + "\n".join(f"report: {path}" for path in paths))


def complete(comparison: "Comparison", tasks: "Sequence[Task]") -> "Comparison":
    """Return a comparison that tells of runs without a folder too: those that are left may be the lucky ones."""
    lost: dict[str, list[int]] = {}
    for task in tasks:
        if not task.run.config.is_file():
            lost.setdefault(task.variant, []).append(task.seed)
    planned = Counter(task.variant for task in tasks)
    notes = [
        f"{name}: {len(seeds)} of {planned[name]} runs failed before their first step and are in no mean:"
        f" seed {', '.join(map(str, seeds))}"
        for name, seeds in lost.items()
    ]
    differences = []
    for found in comparison.differences:
        sides = [name for name in (found.group, found.baseline) if name in lost]
        texts = [f"{len(lost[name])} of {name} (no step)" for name in sides]
        verdict = f"{found.verdict}; without {' and '.join(texts)}" if texts else found.verdict
        differences.append(replace(found, verdict=verdict))
    return replace(comparison, differences=differences, warnings=[*comparison.warnings, *notes])


def _baseline(study: Study) -> str | None:
    """Return a run of the baseline, by which its group is named."""
    runs = [study.run(study.baseline, seed) for seed in study.seeds] if study.baseline else []
    return next((run.title for run in runs if run.config.is_file()), None)
