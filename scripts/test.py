"""Sets up the project on first use and runs its tests: python scripts/test.py [pytest arguments].

Without arguments on all cores; tests of one file share a process, and what they prepare.
"""

import os
import sys

import environment

if __name__ == "__main__":
    os.chdir(environment.PROJECT)
    sys.exit(environment.run("pytest", sys.argv[1:] or ["-n", "auto", "--dist", "loadfile"], extra="test"))
