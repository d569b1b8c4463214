import subprocess
import sys
from pathlib import Path

import pytest
from support import PROJECT


@pytest.mark.slow
def test_runs_killed_at_random_moments_lose_nothing(folder: Path) -> None:
    script = [
        sys.executable,
        str(PROJECT / "scripts/proofs/torture.py"),
        "--kills",
        "2",
        str(PROJECT / "configs/line.yaml"),
    ]
    done = subprocess.run([*script, "--", "--trainer.max_epochs=20"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| `line` | 2 |" in done.stdout
    assert "| nothing |" in done.stdout
