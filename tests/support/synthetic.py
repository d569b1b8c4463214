"""Run folders without a training: what `runs`, `compare` and `diff` read, with any values."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from engine.runs.folder import Run

SETTINGS = {
    "seed_everything": 0,
    "trainer": {"max_epochs": 10, "default_root_dir": None, "logger": [{"class_path": "a.Logger"}]},
    "model": {
        "class_path": "tasks.Classification",
        "init_args": {
            "network": {"class_path": "networks.MLP", "init_args": {"hidden_features": [16, 8], "dropout": 0.0}},
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.001, "betas": [0.9, 0.999]}},
            "lr_scheduler": None,
        },
    },
    "data": {"class_path": "data.Toy", "init_args": {"root": "data", "batch_size": 64, "train_size": 1000}},
    "callbacks": {"checkpoint": {"class_path": "Best", "init_args": {"monitor": "val/loss", "mode": "min"}}},
}


def synthetic(
    folder: Path,
    seed: int = 0,
    test: Mapping[str, float | None] | None = None,
    change: Mapping[str, Any] | None = None,
    record: Mapping[str, Any] | None = None,
    tested: Mapping[str, Any] | None = None,
    curves: Mapping[str, Sequence[float | None]] | None = None,
    predictions: str | None = None,
) -> Path:
    """Write the folder of a finished run.

    Args:
        folder: lightning_logs/NAME/version_N.
        seed: Its seed.
        test: Metrics of the test; None: it is not tested.
        change: Settings by dotted keys, in place of SETTINGS.
        record: Facts in place of those in run.json.
        tested: Facts about the test in place of a digest of 1,000 samples.
        curves: Columns of metrics.csv, a value for each epoch.
        predictions: predictions.csv.
    """
    folder.mkdir(parents=True)
    settings: dict[str, Any] = json.loads(json.dumps(SETTINGS))
    for key, value in {"seed_everything": seed, **(change or {})}.items():
        place, *names = settings, *key.split(".")
        for name in names[:-1]:
            place = place[name]
        place[names[-1]] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
    facts: dict[str, Any] = {
        "started": f"2026-01-02T12:00:{seed:02}+00:00",
        "seed": seed,
        "versions": {"torch": "2.15.0"},
        "git_commit": "0123456789abcdef",
        "parameters": 195,
        "status": "finished",
        "epochs": 10,
        "best": {"monitor": "val/loss", "score": 0.5, "epoch": 7, "metrics": {"val/loss": 0.5}},
        "wall_time_s": 2.0,
        "diagnosis": [],
    }
    if test is not None:
        sample_facts = {"samples": 1000, "digest": "d1", "checkpoint": "a/best.ckpt", "epoch": 7, "changed": {}}
        facts["test"] = {**sample_facts, **(tested or {})}
        (folder / "test.json").write_text(json.dumps(test))
    if predictions is not None:
        facts["predict"] = {"epoch": 7, "changed": {}}
        (folder / "predictions.csv").write_text(predictions, encoding="utf-8")
    (folder / "run.json").write_text(json.dumps({**facts, **(record or {})}))
    if curves is not None:
        (folder / "metrics.csv").write_text(metrics_csv(curves))
    return folder


def metrics_csv(curves: Mapping[str, Sequence[float | None]], steps: int = 10) -> str:
    """Return metrics.csv: a row for each epoch, logged at its last step."""
    lines = [",".join(["epoch", "step", *curves])]
    for epoch, values in enumerate(zip(*curves.values(), strict=True)):
        row = [epoch, steps * (epoch + 1) - 1, *("" if value is None else value for value in values)]
        lines.append(",".join(map(str, row)))
    return "\n".join(lines) + "\n"


def seeds(folder: Path, scores: Sequence[float | None], metric: str = "test/accuracy", **facts: Any) -> list[Run]:
    """Write runs of seeds 0, 1, ... that differ by one test metric; facts are arguments of `synthetic`."""
    places = [folder / f"version_{seed}" for seed in range(len(scores))]
    return [
        Run(synthetic(place, seed, {metric: score}, **facts))
        for seed, (place, score) in enumerate(zip(places, scores, strict=True))
    ]
