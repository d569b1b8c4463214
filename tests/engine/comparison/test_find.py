from pathlib import Path

import pytest
from support.synthetic import synthetic

from engine.comparison import find
from engine.errors import UsageError

LOGS = Path("lightning_logs")


def titles(text: str) -> list[str]:
    return [run.title for run in find.named(text, Path())]


@pytest.fixture
def runs() -> None:
    for name in ("a/version_0", "a/version_10", "a/version_2", "study/x/version_0", "study/y/version_1"):
        synthetic(LOGS / name)
    (LOGS / "a" / "version_1").mkdir()  # killed before its first step
    (LOGS / "a" / "other").mkdir()


@pytest.mark.usefixtures("runs")
def test_a_name_is_that_of_a_run_of_a_config_or_of_a_study() -> None:
    assert titles("a/version_2") == ["a/version_2"]
    assert titles("lightning_logs/a/version_2") == ["a/version_2"]
    assert titles("a") == ["a/version_0", "a/version_2", "a/version_10"]
    assert titles("study") == ["study/x/version_0", "study/y/version_1"]
    assert titles("study/y") == ["study/y/version_1"]


@pytest.mark.usefixtures("runs")
def test_what_is_not_there_is_refused_with_what_is_near() -> None:
    with pytest.raises(UsageError, match=r"no run a/version_3 .* did you mean a/version_"):
        titles("a/version_3")
    with pytest.raises(UsageError, match=r"studies: study"):
        titles("studdy")


@pytest.mark.usefixtures("runs")
def test_everything_holds_runs_of_studies_too() -> None:
    expected = ["a/version_0", "a/version_1", "a/version_2", "a/version_10", "study/x/version_0", "study/y/version_1"]
    assert [run.title for run in find.everything(Path())] == expected
    assert find.everything(Path("nowhere")) == []
