"""Sets up the project on first use and runs its tests: python scripts/test.py [pytest arguments]."""

import os
import sys

import environment

if __name__ == "__main__":
    os.chdir(environment.PROJECT)
    sys.exit(environment.run("pytest", sys.argv[1:], extra="test"))
