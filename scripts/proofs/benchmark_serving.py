"""Comparisons for benchmark.py: exported models against the runs and networks that they come from."""

import random
from functools import cache
from pathlib import Path

from timing import Row, app, fit, script


def serving(mnist: Path | None) -> dict[str, Row]:
    """Return the comparisons that the data at hand allow, by name."""
    return predictions() | one_sample(mnist)


@cache
def exported(config: str, *settings: str | Path) -> Path:
    """Train a config a little, export it, and return the run."""
    name = f"exported_{config}"
    fit(config, "--trainer.max_epochs", "2", "--name", name, *settings)
    app("export", "--run", name)
    return Path(f"lightning_logs/{name}/version_0").absolute()


@cache
def table(count: int) -> Path:
    """Write a table of the columns that `tabular` knows."""
    draw, path = random.Random(0), Path(f"exported_{count}.csv")
    with path.open("w") as file:
        file.write("area_m2,rooms,age_years,distance_km,price_k\n")
        for _ in range(count):
            area, age = draw.uniform(40, 240), draw.randrange(90)
            file.write(f"{area:.1f},{draw.randrange(1, 9)},{age},{draw.uniform(0, 30):.2f},{1.9 * area:.1f}\n")
    return path.absolute()


def predictions() -> dict[str, Row]:
    """Return the comparison of `predict` on a table."""
    words = ("predict", "--data.path")

    def ours() -> float:
        return app(*words, table(1_000_000), "--model", exported("tabular") / "export/model.onnx").process

    return {
        "predict_model": Row(
            "`predict --model` on a CSV of 1,000,000 rows / `predict --run`, whole processes",
            *(1.0, 0.7, ours),
            lambda: app(*words, table(1_000_000), "--run", exported("tabular")).process,
        )
    }


def one_sample(mnist: Path | None) -> dict[str, Row]:
    """Return the comparisons of onnxruntime with PyTorch on one sample at a time."""
    settings = {"product": (), **({"mnist_cnn": ("--data.root", mnist)} if mnist else {})}

    def row(config: str, *words: str | Path) -> Row:
        title = f"onnxruntime, `{config}`, 3,000 batches of 1 / PyTorch in eager mode, one thread each"

        def part(option: str, file: str) -> float:
            return script("one_sample", config, option, exported(config, *words) / file).part

        return Row(
            title,
            *(0.5, 0.2, lambda: part("--model", "export/model.onnx")),
            lambda: part("--checkpoint", "checkpoints/best.ckpt"),
        )

    return {f"{config}_one": row(config, *words) for config, words in settings.items()}
