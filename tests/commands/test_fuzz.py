"""Random mutations of what people bring: the commands take them without a traceback, a hang or a wrong exit code."""

import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz import Outcome, files, make, prepare, template, wrong
from support import PROJECT, Result

App = Callable[..., Result]


def test_a_few_random_mutations_end_in_a_message(app: App, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(folder / "base", ["product"])
    app()  # drops what that printed
    names = (name for name in map("0/{}".format, itertools.count()) if template(name) == "product")
    for name in itertools.islice(names, 6):
        place = folder / name.replace("/", "-")
        shutil.copytree(folder / "base" / "product", place)
        case, before = make(place, name), files(place)
        monkeypatch.chdir(place)
        result = app(*case.words)
        outcome = Outcome(result.exit_code, result.out, result.err)
        assert wrong(case, outcome, before, files(place)) is None, (name, case, outcome)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="each case is a fork")
def test_random_mutations_end_in_a_message() -> None:
    words = [sys.executable, str(PROJECT / "scripts" / "proofs" / "fuzz" / "fuzz.py"), "--cases", "60", "--seed", "0"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 cases, 0 failures" in done.stdout
