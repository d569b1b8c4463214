from pathlib import Path

import pytest
from support.synthetic import seeds, synthetic

from engine.comparison.groups import differing, gather
from engine.errors import UsageError
from engine.runs.folder import Run

LOGS = Path("lightning_logs")
SGD = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.01, "momentum": 0.9}}


def test_runs_that_differ_by_seed_and_paths_are_a_group() -> None:
    runs = seeds(LOGS / "cnn", [0.9, 0.8])
    moved = {"trainer.default_root_dir": "/elsewhere", "data.init_args.root": "/mnt/x/data", "trainer.logger": None}
    runs.append(Run(synthetic(LOGS / "cnn" / "version_2", 2, {"test/accuracy": 0.7}, moved)))
    (group,) = gather(runs)
    assert group.name == "cnn"
    assert group.seeds == [0, 1, 2]
    assert group.values("test/accuracy") == [0.9, 0.8, 0.7]


def test_any_other_setting_makes_another_group_named_by_it() -> None:
    runs = seeds(LOGS / "cnn", [0.9, 0.8])
    more = {"model.init_args.optimizer.init_args.lr": 0.1, "data.init_args.root": "/mnt/other_data"}
    runs.append(Run(synthetic(LOGS / "cnn" / "version_2", 2, {"test/accuracy": 0.7}, more)))
    groups = gather(runs)
    assert [group.name for group in groups] == ["cnn lr=0.001 root=data", "cnn lr=0.1 root=other_data"]
    assert differing(groups) == {"model.optimizer.lr": [0.001, 0.1], "data.root": ["data", "other_data"]}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("callbacks.checkpoint.init_args.monitor", "train/loss"),
        ("callbacks.progressive_resizing", {"class_path": "mine.A"}),
    ],
)
def test_a_text_with_a_slash_or_a_name_like_a_quiet_one_makes_another_group(key: str, value: object) -> None:
    first = {"callbacks.checkpoint.init_args.monitor": "val/loss"}
    runs = [Run(synthetic(LOGS / "cnn" / f"version_{seed}", seed, {"test/accuracy": 0.9}, first)) for seed in (0, 1)]
    runs.append(Run(synthetic(LOGS / "cnn" / "version_2", 2, {"test/accuracy": 0.7}, first | {key: value})))
    assert len(gather(runs)) == 2


def test_what_only_one_class_takes_is_no_difference_of_its_own() -> None:
    runs = [
        *seeds(LOGS / "s" / "adam", [0.9]),
        *seeds(LOGS / "s" / "sgd", [0.9], change={"model.init_args.optimizer": SGD}),
    ]
    groups = gather(runs)
    assert [group.name for group in groups] == ["adam", "sgd"]
    assert list(differing(groups)) == ["model.optimizer", "model.optimizer.lr"]
    assert {"model.optimizer.momentum", "model.optimizer.betas"} < set(differing(groups, everything=True))


def test_a_setting_that_a_group_lacks_is_a_difference_where_the_class_is_the_same() -> None:
    nesterov = {**SGD, "init_args": {**SGD["init_args"], "nesterov": True}}  # type: ignore[dict-item]
    runs = seeds(LOGS / "a", [0.9], change={"model.init_args.optimizer": SGD})
    runs += seeds(LOGS / "b", [0.9], change={"model.init_args.optimizer": nesterov})
    assert differing(gather(runs)) == {"model.optimizer.nesterov": [None, True]}


def test_variants_of_a_study_are_not_mixed_with_equal_runs_elsewhere() -> None:
    runs = [*seeds(LOGS / "cnn", [0.9]), *seeds(LOGS / "study" / "cnn", [0.8])]
    assert [group.name for group in gather(runs)] == ["cnn", "study/cnn"]


def test_weights_to_start_from_are_a_setting() -> None:
    start = {"init_from": "lightning_logs/old/version_3/checkpoints/best.ckpt"}
    runs = [*seeds(LOGS / "cnn", [0.9]), Run(synthetic(LOGS / "cnn/version_1", 1, {}, record=start))]
    assert differing(gather(runs)) == {"init_from": [None, "old"]}


def test_only_what_is_finished_and_tested_is_averaged() -> None:
    runs = seeds(LOGS / "cnn", [0.9, 0.8])
    for seed, status in enumerate(("failed", "diverged", "interrupted", "running"), start=2):
        folder = synthetic(LOGS / "cnn" / f"version_{seed}", seed, {"test/accuracy": 0.1}, record={"status": status})
        runs.append(Run(folder))
    runs.append(Run(synthetic(LOGS / "cnn" / "version_6", 6)))
    (group,) = gather(runs)
    assert group.values("test/accuracy") == [0.9, 0.8]
    reasons = list(group.others.values())
    assert reasons[:4] == ["failed", "diverged", "interrupted", "interrupted"]  # the last was killed
    assert reasons[4].startswith("untested (")
    assert "test --run cnn/version_6" in reasons[4]


def test_a_seed_twice_is_refused() -> None:
    runs = seeds(LOGS / "cnn", [0.9, 0.8])
    runs.append(Run(synthetic(LOGS / "cnn" / "version_2", 1, {"test/accuracy": 0.7})))
    with pytest.raises(UsageError, match=r"cnn/version_1 and cnn/version_2 have .* the same seed 1"):
        gather(runs)
    assert len(gather([*runs[:2], runs[1]])) == 1  # the same run named twice is one


def test_a_failed_run_and_its_repetition_are_not_a_seed_twice() -> None:
    runs = seeds(LOGS / "cnn", [0.9])
    runs.append(Run(synthetic(LOGS / "cnn" / "version_1", 0, {}, record={"status": "failed"})))
    assert gather(runs)[0].seeds == [0]


def test_a_metric_that_a_run_lacks_is_not_averaged_over_the_others() -> None:
    (group,) = gather(seeds(LOGS / "cnn", [0.9, None, 0.8]))
    assert group.values("test/accuracy") == []
    assert group.values("test/unknown") == []


def test_runs_tested_on_other_samples_are_not_averaged() -> None:
    runs = seeds(LOGS / "cnn", [0.9, 0.8])
    runs.append(Run(synthetic(LOGS / "cnn" / "version_2", 2, {"test/accuracy": 0.7}, tested={"digest": "d2"})))
    assert gather(runs)[0].values("test/accuracy") == []


def test_no_runs_are_refused() -> None:
    with pytest.raises(UsageError, match="no runs"):
        gather([])
