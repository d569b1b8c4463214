import subprocess
import sys
from pathlib import Path

import pytest
from support import PROJECT

SCRIPT = [sys.executable, str(PROJECT / "scripts/proofs/torture.py")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "row"),
    [
        (["--kills", "2", str(PROJECT / "configs/line.yaml"), "--", "--trainer.max_epochs=20"], "| `line` | 2 |"),
        (["--kills", "3", "--foreign"], "| `one_epoch` | 1 |"),
    ],
    ids=["ours", "foreign"],
)
def test_runs_killed_at_random_moments_lose_nothing(words: list[str], row: str, folder: Path) -> None:
    done = subprocess.run([*SCRIPT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert row in done.stdout
    assert "| nothing |" in done.stdout
