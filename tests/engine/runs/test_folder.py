import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from engine.errors import UsageError
from engine.runs import folder as runs


def make(name: str) -> runs.Run:
    run = runs.create(Path(), name)
    run.config.touch()
    return run


def test_versions_count_up_and_survive_gaps(folder: Path) -> None:
    assert [make("a").folder.name for _ in range(2)] == ["version_0", "version_1"]
    (folder / "lightning_logs/a/version_10").mkdir()
    assert make("a").folder.name == "version_11"
    assert runs.newest(Path(), "a").folder.name == "version_11"


def test_processes_that_only_look_do_not_take_each_other_for_one_that_trains() -> None:
    run = make("a")
    with FileLock(run.lock, thread_local=False) as lock:
        assert run.alive
        threading.Timer(0.03, lock.release).start()
        assert not run.alive


def test_runs_started_at_once_get_a_folder_each() -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: runs.create(Path(), "a").folder, range(40)))
    assert len(set(folders)) == 40


@pytest.mark.parametrize("text", ["a", "a/version_0", "lightning_logs/a/version_0", "./lightning_logs/a/version_0/"])
def test_a_run_is_found_by_any_of_its_names(text: str) -> None:
    run = make("a")
    assert runs.find(text, Path()).folder.resolve() == run.folder.resolve()


def test_an_absolute_folder_is_a_run_too(folder: Path) -> None:
    make("a")
    assert runs.find(str(folder / "lightning_logs/a/version_0"), Path("elsewhere")).name == "a"


def test_the_nearest_name_is_offered() -> None:
    make("product")
    with pytest.raises(UsageError, match=r"did you mean product/version_0\?"):
        runs.find("prodct/version_0", Path())
    with pytest.raises(UsageError, match=r"did you mean product\?"):
        runs.newest(Path(), "prodct")


def test_a_run_of_a_study_is_found_by_its_variant() -> None:
    make("single")
    first, second = make("study/a"), make("study/b")
    for text in ("study/a", "study/a/version_0", str(first.folder)):
        assert runs.find(text, Path()).folder == first.folder
    assert (first.name, first.title) == ("study/a", "study/a/version_0")
    assert runs.newest(Path(), "study/b") == second
    assert {run.title for run in runs.everything(Path())} == {"single/version_0", first.title, second.title}
    assert runs.find_all("study", Path()) == [first, second]
    assert runs.find_all("study/a", Path()) == [first]
    with pytest.raises(UsageError, match="study holds many runs: name one of them, study/b/version_0 for example"):
        runs.find("study", Path())
    with pytest.raises(UsageError, match=r"did you mean study/a/version_0\?"):
        runs.find("stdy/a/version_0", Path())


def test_a_version_is_made_once(folder: Path) -> None:
    (folder / "lightning_logs/a/version_7").mkdir(parents=True)  # of a run that was killed before its first step
    run = runs.create(Path(), "a", version=7)
    assert run.folder.name == "version_7"
    run.config.touch()
    with pytest.raises(UsageError, match="a/version_7 exists"):
        runs.create(Path(), "a", version=7)


def test_a_folder_that_is_no_run_is_named(folder: Path) -> None:
    (folder / "stuff").mkdir()
    with pytest.raises(UsageError, match=r"no config\.yaml"):
        runs.find("stuff", Path())


def test_a_run_without_a_checkpoint_points_to_an_older_one() -> None:
    old, new = make("a"), make("a")
    old.best.parent.mkdir()
    old.best.touch()
    with pytest.raises(UsageError, match="--run a/version_0"):
        new.checkpoint("best")


def test_records_add_up_and_a_damaged_one_is_named() -> None:
    run = make("a")
    run.update(status="running", seed=1)
    run.update(status="finished")
    assert run.record() == {"status": "finished", "seed": 1}
    (run.folder / "run.json").write_text("{")
    with pytest.raises(UsageError, match=r"run\.json is damaged"):
        run.record()
