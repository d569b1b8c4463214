import json
from pathlib import Path

import pytest

from engine.runs.folder import Run
from engine.studies.coordinator import Task
from engine.studies.progress import Progress
from engine.studies.study_file import Study, Variant


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ({"monitor": "val/mae", "score": 0.12345, "epoch": 3}, "a/version_0 finished, best val/mae 0.1235 in epoch 3"),
        ({"monitor": None, "score": None, "epoch": 3}, "a/version_0 finished |"),
        (None, "a/version_0 finished |"),
    ],
)
def test_a_run_that_ends_is_told_with_its_best_score_if_it_has_one(
    folder: Path, best: dict[str, object] | None, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Task("a", 0, Run(folder / "version_0"), "finished")
    task.run.folder.mkdir()
    (task.run.folder / "run.json").write_text(json.dumps({"best": best}))
    Progress(Study("file", "mine", {"a": Variant([], [])}, [0]), [task], 1).ended(task)
    assert capsys.readouterr().out.startswith(expected)
