"""Sets up the project on first use and runs it: python scripts/run.py fit --config configs/product.yaml."""

import os
import sys

import environment

if __name__ == "__main__":
    os.environ["APP_PROGRAM"] = f"python {os.path.relpath(__file__)}"
    sys.exit(environment.run("app", sys.argv[1:]))
