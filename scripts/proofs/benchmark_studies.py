"""Comparisons for benchmark.py: a study against the same runs one after another; it tests its runs as well."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from timing import CONFIGS, Row, app, fit

RATES = ("0.001", "0.003", "0.01", "0.03")


def studies(mnist: Path | None) -> dict[str, Row]:
    """Return the comparisons that the data at hand allow, by name."""
    title = "study of `product`, 4 variants x 5 seeds, {} epochs, 2 workers / the same 20 `fit` commands in turn"
    variants = {f"lr_{rate}": f"{{settings: {{model.optimizer.lr: {rate}}}}}" for rate in RATES}

    def alone(epochs: str) -> float:
        words = [(epochs, "--seed_everything", str(seed), "--model.optimizer.lr") for seed in range(5)]
        return sum(fit("product", "--trainer.max_epochs", *seed, rate).process for seed in words for rate in RATES)

    found = {
        "study": Row(
            title.format("1,000"), *(0.4, 0.3), lambda: study("product", "1000", variants, 5), lambda: alone("1000")
        ),
        "study_short": Row(
            title.format("100"), *(0.2, 0.12), lambda: study("product", "100", variants, 5), lambda: alone("100")
        ),
    }
    if mnist is not None:
        one = ("--data.root", mnist, "--trainer.max_epochs", "1", "--seed_everything")
        found["mnist_cnn_study"] = Row(
            "study of `mnist_cnn`, 4 runs of 1 epoch, 2 workers / the same 4 `fit` commands in turn",
            *(0.85, 0.7, lambda: study("mnist_cnn", "1", {"a": "{}"}, 4, "--data.root", mnist)),
            lambda: sum(fit("mnist_cnn", *one, str(seed)).process for seed in range(4)),
        )
    return found


def study(config: str, epochs: str, variants: Mapping[str, str], seeds: int, *settings: str | Path) -> float:
    """Return the seconds of a new study on two workers."""
    lines = [f"config: {CONFIGS / config}.yaml", f"seeds: {seeds}", "variants:"]
    Path("study.yaml").write_text("\n".join([*lines, *(f"  {name}: {text}" for name, text in variants.items()), ""]))
    shutil.rmtree("lightning_logs/study", ignore_errors=True)
    return app("study", "study.yaml", "--workers", "2", "--trainer.max_epochs", epochs, *settings).process
