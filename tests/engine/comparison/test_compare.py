import re
from pathlib import Path
from typing import Any

import pytest
from support.synthetic import seeds, synthetic

from engine.comparison.compare import Comparison, compare, sampling_error
from engine.errors import UsageError
from engine.runs.folder import Run

LOGS = Path("lightning_logs")
NETWORK = "model.init_args.network.init_args.hidden_features"
SCORES: list[float | None] = [0.97, 0.972, 0.968]


def two(**facts: Any) -> Comparison:
    """Return the comparison of groups a and b; facts are those of b."""
    change = {NETWORK: [4], **facts.pop("change", {})}
    return compare([*seeds(LOGS / "a", SCORES), *seeds(LOGS / "b", SCORES, change=change, **facts)], "a")


def test_json_has_the_keys_that_others_rely_on() -> None:
    found = two().as_json()
    assert list(found) == ["groups", "differences", "warnings"]
    assert list(found["groups"][0]) == ["name", "runs", "settings", "metrics"]
    assert list(found["groups"][0]["metrics"]["test/accuracy"]) == ["mean", "sd", "n", "min", "max"]
    expected = ["group", "baseline", "metric", "delta", "low", "high", "test", "p", "verdict"]
    assert list(found["differences"][0]) == expected
    assert found["groups"][1]["runs"] == ["b/version_0", "b/version_1", "b/version_2"]
    assert found["groups"][1]["settings"] == {"model.network.hidden_features": [4]}
    assert found["groups"][0]["metrics"]["test/accuracy"]["mean"] == pytest.approx(0.97)


@pytest.mark.parametrize(
    ("tested", "why"),
    [
        ({"digest": "d2"}, "other test samples"),
        ({"digest": None}, "not recorded what b was tested on"),
        ({"changed": {"data.size": "1 → 2"}}, r"tested with other settings \(data.size\)"),
        ({"checkpoint": "a/last.ckpt"}, "another checkpoint"),
    ],
)
def test_scores_on_other_data_are_not_ranked_and_a_line_says_why(tested: dict[str, Any], why: str) -> None:
    found = two(tested=tested)
    assert found.differences == []
    assert re.search(why, "\n".join(found.warnings))
    assert any("can't be ranked" in line for line in found.warnings)


def test_data_of_another_name_with_the_same_samples_are_ranked() -> None:
    change = {"data": {"class_path": "data.Other", "init_args": {"batch_size": 1}}}
    assert len(two(change=change).differences) == 1


@pytest.mark.parametrize("key", ["model.init_args.loss", "data.init_args.train_size"])
def test_losses_of_other_units_are_not_ranked(key: str) -> None:
    runs = seeds(LOGS / "a", SCORES, "test/loss")
    runs += seeds(LOGS / "b", SCORES, "test/loss", change={key: 7})
    found = compare(runs, "a")
    assert found.differences == []
    assert any("test/loss of b is not ranked" in line for line in found.warnings)


def test_a_baseline_without_scores_ranks_nothing() -> None:
    runs = [Run(synthetic(LOGS / "a" / "version_0")), *seeds(LOGS / "b", SCORES, change={NETWORK: [4]})]
    found = compare(runs, "a")
    assert found.differences == []
    assert any("a has no run that is finished and tested" in line for line in found.warnings)


def test_what_is_not_averaged_is_listed() -> None:
    runs = [*seeds(LOGS / "a", [*SCORES]), Run(synthetic(LOGS / "a/version_3", 3, record={"status": "failed"}))]
    assert "a/version_3 is not averaged: failed" in compare(runs).warnings
    lines = compare(seeds(LOGS / "c", [0.9, None])).warnings
    assert lines == ["test/accuracy of c is not averaged: it is missing or not finite in a run"]


def test_different_commits_and_versions_are_said() -> None:
    runs = seeds(LOGS / "a", [*SCORES])
    other = {"git_commit": "fedcba9876", "versions": {"torch": "3"}}
    runs.append(Run(synthetic(LOGS / "a/version_3", 3, {"test/accuracy": 0.9}, record=other)))
    found = compare(runs).warnings
    assert "the runs are of different commits: 01234567, fedcba98" in found
    assert any("versions of packages" in line for line in found)


def test_a_baseline_is_named_by_a_group_or_one_of_its_runs() -> None:
    runs = [*seeds(LOGS / "a", SCORES), *seeds(LOGS / "b", SCORES, change={NETWORK: [4]})]
    assert compare(runs, "b/version_1").differences[0].baseline == "b"
    with pytest.raises(UsageError, match=r"no group bb.*groups: a, b"):
        compare(runs, "bb")


def test_accuracies_have_a_sampling_error() -> None:
    (group,) = compare(seeds(LOGS / "a", [0.9, 0.9])).groups
    assert sampling_error(group, "test/accuracy") == pytest.approx((0.9 * 0.1 / 1000) ** 0.5)
    (group,) = compare(seeds(LOGS / "b", [0.9, 0.9], "test/mae")).groups
    assert sampling_error(group, "test/mae") is None
