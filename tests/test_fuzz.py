"""Random mutations of what people bring: the commands take them without a traceback, a hang or a wrong exit code."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT


def fuzz(cases: int, seed: int) -> None:
    script = PROJECT / "scripts" / "fuzz.py"
    words = [sys.executable, str(script), "--cases", str(cases), "--seed", str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{cases} cases, 0 failures" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="each case is a fork")
@pytest.mark.parametrize("cases", [8, pytest.param(60, marks=pytest.mark.slow)])
def test_random_mutations_end_in_a_message(cases: int, tmp_path: Path) -> None:
    fuzz(cases, seed=0)
