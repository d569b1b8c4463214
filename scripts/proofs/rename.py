"""A copy of the project under another name: renaming it takes two folders and one word in the owner's files.

python scripts/proofs/rename.py FOLDER NAME
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
OLD = "app"
FOLDERS = ("src", "tests")  # in which a folder has the name of the project
OWNED = (
    f"src/{OLD}/",
    "configs/",
    "tests/",
    "scripts/",
    "docs/",
    ".ci/",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
)


def copy(folder: Path, name: str) -> None:
    """Copy the tracked files into a folder, renamed."""
    word = re.compile(rf"\b{OLD}\b".encode())
    for path in tracked():
        file = folder / renamed(path, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / path, file)
        if path.startswith(OWNED):
            file.write_bytes(word.sub(name.encode(), file.read_bytes()))


def tracked() -> list[str]:
    """Return the files that git knows and that are there, as paths below the project."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split("\0") if (PROJECT / path).is_file()]


def renamed(path: str, name: str) -> str:
    """Return the path of a file in the copy."""
    first, *rest = path.split("/")
    return "/".join([first, name, *rest[1:]]) if first in FOLDERS and rest[0] == OLD else path


if __name__ == "__main__":
    copy(Path(sys.argv[1]), sys.argv[2])
