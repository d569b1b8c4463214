from pathlib import Path

from support.synthetic import seeds

from engine.comparison.compare import compare
from engine.runs.folder import Run
from engine.studies.coordinator import Task
from engine.studies.report import complete

LOGS = Path("lightning_logs/s")
RATE = {"model.init_args.optimizer.init_args.lr": 0.1}


def test_seeds_that_failed_before_their_first_step_are_told_of_in_notes_and_verdicts() -> None:
    good = seeds(LOGS / "good", [0.90, 0.91, 0.93, 0.92])
    lucky = seeds(LOGS / "lucky", [0.95, 0.97, 0.96], change=RATE)
    tasks = [Task("good", seed, run) for seed, run in enumerate(good)]
    tasks += [Task("lucky", seed, run) for seed, run in enumerate(lucky)]
    tasks += [Task("lucky", seed, Run(LOGS / f"lucky/version_{seed}")) for seed in (3, 4)]
    comparison = compare([*good, *lucky], baseline="good")
    found = complete(comparison, tasks)
    assert "lucky: 2 of 5 runs failed before their first step and are in no mean: seed 3, 4" in found.warnings
    assert all(difference.verdict.endswith("; without 2 of lucky (no step)") for difference in found.differences)
    assert complete(comparison, tasks[:-2]) == comparison
