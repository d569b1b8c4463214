"""One of several processes: runs the command lines of a file, one after the other, to spend the imports only once."""

import os
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # as torchrun starts it

from support import main

if __name__ == "__main__":
    Path(f"pid_{os.environ.get('RANK') or os.environ.get('LOCAL_RANK', '0')}").write_text(str(os.getpid()))
    for line in Path("lines.txt").read_text().splitlines():
        code = main(shlex.split(line) + sys.argv[1:])
        if code:
            sys.exit(code)
