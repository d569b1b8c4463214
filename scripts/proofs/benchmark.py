"""Times the project against plain scripts that do the same, in turn, and prints a Markdown table.

    .venv/bin/python scripts/proofs/benchmark.py [NAME ...] [--rounds 5] [--mnist FOLDER] [--images FOLDER]

The scripts are in scripts/proofs/references. `--mnist` holds MNIST/raw with the four files unpacked, `--images`
train/CLASS/*.jpg, both wanted for the rows that use them. Each figure is the median over the rounds, and each ratio
the median of the rounds' ratios, with its range. Run nothing beside it. Linux and macOS.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
from datetime import date
from functools import cache
from pathlib import Path

from benchmark_serving import served, serving
from benchmark_studies import studies
from measure import hardware
from timing import CONFIGS, PYTHON, Row, Taken, app, busy_product, figures, fit, run, script

UNSEEN = ("--config", CONFIGS / "with" / "no_dashboard.yaml")


def rows(mnist: Path | None, images: Path | None) -> dict[str, Row]:
    """Return the comparisons that the data at hand allow, by name."""
    every = ("--trainer.check_val_every_n_epoch", "1")
    plain = ("--callbacks.fast_loop", "null")
    found = {
        "product_process": Row(
            "`product`, 10,000 steps, everything on, whole process / loop with DataLoader, whole process",
            *(1.0, 0.8, lambda: fit("product").process, lambda: script("product", "--dataloader").process),
        ),
        "product_fit": Row(
            "`product`, 10,000 steps, `fit` alone, without dashboard and diagnosis / loop without DataLoader",
            *(1.0, 0.75, lambda: fit("product", *UNSEEN).part, lambda: script("product").part),
        ),
        "product_everything": Row(
            "`product`, 10,000 steps, `fit` alone, everything on / the same loop",
            *(1.0, 0.75, lambda: fit("product").part, lambda: script("product").part),
        ),
        "product_every_epoch": Row(
            "the same, everything on, validating every epoch / the same loop",
            *(2.0, 1.2, lambda: fit("product", *every).part, lambda: script("product").part),
        ),
        "stock_lightning": Row(
            "`product`, 10,000 steps, `fit` alone, everything on / Lightning's defaults, self.log, DataLoader",
            *(0.5, 0.3, lambda: fit("product").part, lambda: script("stock_lightning").part),
        ),
        "own_loop": Row(
            "the same with Lightning's own loop in place of the lean one / the same",
            *(0.5, 0.3, lambda: fit("product", *plain).part, lambda: script("stock_lightning").part),
        ),
        "product_busy": Row(
            "`product` while another process keeps a core busy / itself on a quiet machine",
            *(2.5, 2.0, busy_product, lambda: fit("product").part),
        ),
        "start": Row(
            '`fit` of one step of `product`, whole process / `python -c "import lightning.pytorch"`',
            *(1.3, 1.1, lambda: fit("product", "--trainer.max_steps", "1").process),
            lambda: run(PYTHON, "-c", "import lightning.pytorch").process,
        ),
        "memory": Row(
            "peak memory of `fit` of `product` / loop with DataLoader",
            *(1.5, 1.2, lambda: fit("product").memory, lambda: script("product", "--dataloader").memory, "MiB"),
        ),
    }
    return (
        found
        | predictions()
        | lists()
        | studies(mnist)
        | serving(mnist)
        | (of_mnist(mnist) if mnist else {})
        | (of_images(images) if images else {})
    )


def predictions() -> dict[str, Row]:
    """Return the comparisons of `predict` on a table."""

    @cache
    def prepared() -> Path:
        """Train a run, and make tables of the columns that it knows."""
        fit("tabular", "--trainer.max_epochs", "5")
        draw = random.Random(0)
        for count in (100_000, 1_000_000):
            with Path(f"{count}.csv").open("w") as file:
                file.write("area_m2,rooms,age_years,distance_km,price_k\n")
                for _ in range(count):
                    area, age = draw.uniform(40, 240), draw.randrange(90)
                    file.write(f"{area:.1f},{draw.randrange(1, 9)},{age},{draw.uniform(0, 30):.2f},{1.9 * area:.1f}\n")
        return next(Path.cwd().glob("lightning_logs/tabular/*/checkpoints/best.ckpt"))

    def ours(count: int) -> Taken:
        prepared()
        return app("predict", "--run", "tabular", "--data.path", Path(f"{count}.csv").absolute())

    def by_hand() -> Taken:
        return script("predict_csv", "--checkpoint", prepared(), "--path", "1000000.csv")

    return {
        "predict": Row(
            "`predict` on a CSV of 1,000,000 rows, whole process / pandas reads, big batches, pandas writes",
            *(1.5, 1.0, lambda: ours(1_000_000).process, lambda: by_hand().process),
        ),
        "predict_memory": Row(
            "peak memory of `predict` on 1,000,000 rows / on 100,000 rows",
            *(2.0, 1.0, lambda: ours(1_000_000).memory, lambda: ours(100_000).memory, "MiB"),
        ),
    }


def lists() -> dict[str, Row]:
    """Return the comparisons of `runs`."""

    @cache
    def runs(count: int) -> tempfile.TemporaryDirectory[str]:
        """Return a folder of runs, each a copy of one."""
        fit("product", "--trainer.max_epochs", "5")
        app("test", "--run", "product")
        root, first = tempfile.TemporaryDirectory(), Path("lightning_logs/product/version_0")
        for number in range(count):
            folder = Path(root.name) / "lightning_logs" / f"name_{number % 10}" / f"version_{number // 10}"
            folder.mkdir(parents=True)
            for name in ("run.json", "test.json", "config.yaml", ".lock"):
                (folder / name).write_bytes((first / name).read_bytes())
        return root

    def listed(count: int, *words: str) -> float:
        return app("runs", "--trainer.default_root_dir", runs(count).name, *words).process

    return {
        "runs": Row(
            '`runs --json` over 200 runs / `python -c "import lightning.pytorch"`',
            *(0.15, 0.06, lambda: listed(200, "--json")),
            lambda: run(PYTHON, "-c", "import lightning.pytorch").process,
        ),
        "runs_many": Row(
            "`runs` over 10,000 runs / over 1,000 runs", *(12, 10, lambda: listed(10_000), lambda: listed(1000))
        ),
    }


def of_mnist(root: Path) -> dict[str, Row]:
    """Return the comparisons on MNIST, and on random images of the size of CIFAR-10's."""
    one = ("--trainer.max_epochs", "1", "--data.root", root)
    unvalidated = (*one, "--trainer.limit_val_batches", "0")

    @cache
    def trained() -> Path:
        fit("mnist_cnn", *one, "--name", "trained")
        return next(Path.cwd().glob("lightning_logs/trained/*/checkpoints/best.ckpt"))

    def test(*overrides: str | Path) -> float:
        trained()
        app("test", "--run", "trained", *overrides)
        record = json.loads((trained().parent.parent / "run.json").read_text())
        return float(record["test"]["wall_time_s"])

    def test_by_hand() -> float:
        return script("mnist_test", "--root", root, "--checkpoint", trained()).part

    return {
        "mnist_loader": Row(
            "loader alone, MNIST, uint8 batches to normalized floats / torchvision, image by image",
            *(1 / 50, 1 / 200, lambda: script("loaders", "mnist", "--root", root).part),
            lambda: script("mnist_loader", "--root", root).part,
        ),
        "cifar10_loader": Row(
            "loader alone, images of CIFAR-10's size with crop and flip / torchvision, image by image",
            *(1 / 15, 1 / 25, lambda: script("loaders", "cifar10").part, lambda: script("cifar10_loader").part),
        ),
        "mnist_cnn_fit": Row(
            "`mnist_cnn`, an epoch of training alone, float32 / loop, image by image",
            *(0.85, 0.6, lambda: fit("mnist_cnn", *unvalidated).part),
            lambda: script("mnist_cnn", "--root", root).part,
        ),
        "mnist_cnn_process": Row(
            "`mnist_cnn`, an epoch, everything on, whole process / loop, whole process",
            *(1.0, 0.75, lambda: fit("mnist_cnn", *one).process),
            lambda: script("mnist_cnn", "--root", root).process,
        ),
        "mnist_cnn_test": Row(
            "`test` of `mnist_cnn`, 10,000 images, after start-up, without dashboard / loop, image by image",
            *(0.6, 0.35, lambda: test(*UNSEEN), test_by_hand),
        ),
        "mnist_cnn_test_everything": Row(
            "the same, everything on / the same loop",
            *(0.6, 0.35, test, test_by_hand),
        ),
    }


def of_images(root: Path) -> dict[str, Row]:
    """Return the comparison on a folder of images."""
    one = ("--trainer.max_epochs", "1", "--data.root", root)
    return {
        "image_folder": Row(
            "`image_folder` on CIFAR-10 JPEG files, an epoch with augmentation / torchvision, workers as many as cores",
            *(0.7, 0.4, lambda: fit("image_folder", *one).part, lambda: script("image_folder", "--root", root).part),
        )
    }


def main() -> None:
    """Compare what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="comparisons (default: all that the data at hand allow)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mnist", type=lambda text: Path(text).resolve())
    parser.add_argument("--images", type=lambda text: Path(text).resolve())
    options = parser.parse_args()
    every = rows(options.mnist, options.images)
    if unknown := set(options.names) - set(every):
        parser.error(f"no comparison {', '.join(sorted(unknown))} ({', '.join(every)})")
    chosen = {name: every[name] for name in options.names or every}
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for number in range(options.rounds):
            run.cache_clear()
            served.cache_clear()
            for name, row in chosen.items():
                pairs[name].append((row.ours(), row.reference()))
                print(f"round {number}: {name} {pairs[name][-1]}", file=sys.stderr, flush=True)
    print(f"{hardware()}, {date.today():%B %Y}, medians of {options.rounds} rounds\n")
    print("| ours / reference | median | ratio (range) | must | aim | reached |\n|---|---|---|---|---|---|")
    for name, row in chosen.items():
        print(figures(row, pairs[name]))


if __name__ == "__main__":
    main()
