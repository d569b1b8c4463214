import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.synthetic import synthetic

from engine.comparison import find
from engine.comparison.facts import Facts
from engine.comparison.filters import matching
from engine.errors import UsageError
from engine.runs.folder import Run

LOGS = Path("lightning_logs")


@pytest.fixture
def runs() -> list[Facts]:
    now = datetime.fromtimestamp(time.time() - 3600, UTC).isoformat(timespec="seconds")
    sgd = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}}
    synthetic(LOGS / "mnist_cnn" / "version_0", 0, {"test/accuracy": 0.98}, record={"started": now})
    synthetic(LOGS / "mnist_cnn" / "version_1", 1, {"test/accuracy": 0.9}, {"model.init_args.optimizer": sgd})
    synthetic(LOGS / "mnist_mlp" / "version_0", 2, record={"status": "failed", "diagnosis": ["dead units: 3 of 8"]})
    synthetic(LOGS / "study" / "adam" / "version_0", 3, {"test/mae": 1.5}, {"model.init_args.lr_scheduler": "x.Step"})
    return [Facts.read(run) for run in find.everything(Path())]


ALL = ["mnist_cnn/version_0", "mnist_cnn/version_1", "mnist_mlp/version_0", "study/adam/version_0"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ALL),
        (["mnist_*"], ALL[:3]),
        (["mnist_cnn"], ALL[:2]),
        (["mnist_cnn/version_1"], ALL[1:2]),
        (["study"], ALL[3:]),
        (["study/adam"], ALL[3:]),
        (["lightning_logs/mnist_mlp/version_0"], ALL[2:3]),
        (["status=failed"], ALL[2:3]),
        (["status!=failed"], [ALL[0], ALL[1], ALL[3]]),
        (["status=f*"], ALL),
        (["test/accuracy>=0.98"], ALL[:1]),
        (["test/accuracy<0.98"], ALL[1:2]),
        (["val/loss=0.5"], ALL),
        (["lr<1e-2"], [ALL[0], ALL[2], ALL[3]]),
        (["model.optimizer.lr=0.1"], ALL[1:2]),
        (["optimizer=SGD"], ALL[1:2]),
        (["optimizer=torch.optim.SGD"], ALL[1:2]),
        (["lr_scheduler=null"], ALL[:3]),
        (["lr_scheduler!=null"], ALL[3:]),
        (["seed>=1", "seed<3", "mnist_*"], ALL[1:3]),
        (["since=2h"], ALL[:1]),
        (["since=9999w"], ALL),
        (["diagnosis=dead"], ALL[2:3]),
        (["diagnosis=healthy"], [ALL[0], ALL[1], ALL[3]]),
        (["batch_size=64"], ALL),
        (["batch_size!=null"], ALL),
        (["mnist"], []),
    ],
)
def test_a_filter_keeps_the_runs_that_it_holds_for(runs: list[Facts], words: list[str], expected: list[str]) -> None:
    assert [facts.run.title for facts in matching(runs, words)] == expected


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("statsu=failed", "no column statsu; did you mean status"),
        ("test/acuracy>0", "no run has the metric test/acuracy; did you mean test/accuracy"),
        ("lr<small", "'small' is not a number"),
        ("class<1", "no column class"),
        ("since=yesterday", "write since=30m"),
        ("test>0.5", "name the metric: test/loss>0.5"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(runs: list[Facts], word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        matching(runs, [word])


def test_an_ambiguous_end_of_a_key_names_the_candidates() -> None:
    two = {"model.init_args.network": {"class_path": "N", "init_args": {"size": 1}}, "data.init_args.size": 2}
    facts = Facts.read(Run(synthetic(LOGS / "a" / "version_0", change=two)))
    with pytest.raises(UsageError, match=r"size is the end of several settings: data.size, model.network.size"):
        matching([facts], ["size=1"])
    assert matching([facts], ["network.size=1"]) == [facts]


def test_settings_are_read_of_the_runs_that_other_filters_leave(
    runs: list[Facts], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    text = Path.read_text

    def noted(path: Path, encoding: str | None = None) -> str:
        read.append(path)
        return text(path, encoding)

    monkeypatch.setattr(Path, "read_text", noted)
    assert len(matching(runs, ["lr>0", "test/accuracy>0.95", "mnist_*"])) == 1
    assert [path for path in read if path.name == "config.yaml"] == [LOGS / "mnist_cnn" / "version_0" / "config.yaml"]
    assert matching(runs, ["mnist_mlp", "lr_scheduler=Step"]) == []


def test_a_damaged_config_hides_no_other_run(runs: list[Facts]) -> None:
    (LOGS / "mnist_cnn" / "version_0" / "config.yaml").write_text("[")
    assert len(matching(runs, ["lr>0"])) == 3
