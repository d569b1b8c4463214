"""Report of a study: the comparison of its variants, on the console and as files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import console
from engine.studies.study_file import Study

if TYPE_CHECKING:
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
    comparison = compare(began, baseline=_baseline(study))
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


def _baseline(study: Study) -> str | None:
    """Return a run of the baseline, by which its group is named."""
    runs = [study.run(study.baseline, seed) for seed in study.seeds] if study.baseline else []
    return next((run.title for run in runs if run.config.is_file()), None)
