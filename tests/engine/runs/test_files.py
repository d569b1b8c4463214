import json
from pathlib import Path

import pytest

from engine.runs import files


def test_a_write_that_fails_leaves_the_file_before_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_json(folder / "a.json", {"a": 1})

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(folder / "a.json", {"a": 2})
    assert json.loads((folder / "a.json").read_text()) == {"a": 1}
    assert [path.name for path in folder.iterdir()] == ["a.json"]


def test_what_a_killed_process_left_half_written_is_removed(folder: Path) -> None:
    (folder / "figures").mkdir()
    for name in (".best.ckpt.123.part", ".predictions.csv.part", "figures/.val_fit.png.9.part", "kept.part"):
        (folder / name).touch()
    files.clear_parts(folder)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["kept.part"]
