"""Fuzzes the commands: python scripts/fuzz.py --cases 500 --seed 0, with .venv/bin/python; see tests/fuzz.py."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    tests = Path(__file__).resolve().parent.parent / "tests"
    sys.path[0] = str(tests)  # not scripts/, whose app.py would stand for the package
    runpy.run_path(str(tests / "fuzz.py"), run_name="__main__")
