"""`predict --model` writes the predictions.csv of `predict --run`, for the same data."""

import gzip
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import PROJECT, Result, read_csv

App = Callable[..., Result]
Words = Sequence[str | Path]


def same(first: list[dict[str, str]], second: list[dict[str, str]], tolerance: float = 1e-5) -> None:
    """Compare two files: texts are equal, numbers as far as float32 computes the same in another order."""
    assert len(first) == len(second) > 0
    assert list(first[0]) == list(second[0])
    for one, two in zip(first, second, strict=True):
        for name in one:
            try:
                close = math.isclose(float(one[name]), float(two[name]), rel_tol=tolerance, abs_tol=tolerance)
            except ValueError:
                close = one[name] == two[name]
            assert close, (name, one[name], two[name])


def run(app: App, *words: str | Path) -> None:
    result = app(*words)
    assert result.exit_code == 0, result.err


def trained(app: App, config: str, *words: str | Path) -> Path:
    """Train a config a little, export it, and return the exported model."""
    run(app, "fit", "--config", PROJECT / f"configs/{config}.yaml", "--trainer.max_epochs", "2", *words)
    run(app, "export", "--run", config)
    return Path(f"lightning_logs/{config}/version_0/export/model.onnx")


def both(app: App, config: str, words: Words, of_run: Words = (), tolerance: float = 1e-5) -> list[dict[str, str]]:
    """Predict with a run and with its exported model, compare the files and return the rows."""
    folder = Path(f"lightning_logs/{config}/version_0")
    run(app, "predict", "--run", config, *words, *of_run)
    run(app, "predict", "--model", folder / "export/model.onnx", *words)
    rows = read_csv(Path("predictions.csv"))
    same(read_csv(folder / "predictions.csv"), rows, tolerance)
    return rows


def test_numbers_of_inputs_that_are_given(app: App) -> None:
    trained(app, "product")
    Path("new.csv").write_text("x2,x1\n" + "".join(f"{n / 7},{9 - n / 11}\n" for n in range(50)))
    assert list(both(app, "product", ["--input", "new.csv"])[0]) == ["x1", "x2", "predicted"]
    both(app, "product", ["--input", "x1=3,x2=4"])


def test_classes_of_a_table_with_and_without_labels(app: App) -> None:
    model = trained(app, "tabular_classes")
    header, *lines = (PROJECT / "src/app/data/examples/fruit.csv").read_text().splitlines()
    Path("known.csv").write_text("\n".join([header, *lines[:30]]) + "\n")
    new = [line.rpartition(",")[0] for line in [header, *lines[:30]]]
    Path("new.csv").write_text("\n".join(new) + "\n")
    assert list(both(app, "tabular_classes", ["--data.path", "known.csv"])[0])[:3] == ["index", "label", "predicted"]
    assert next(iter(both(app, "tabular_classes", ["--data.path", "new.csv"])[0])) == "predicted"
    Path("bad.csv").write_text("\n".join([new[0], *new[1:4], "x" + new[5]]) + "\n")
    sources: list[Words] = [["--run", "tabular_classes"], ["--model", model]]
    errors = [app("predict", *source, "--data.path", "bad.csv").err for source in sources]
    assert errors[0] == errors[1] != ""


@pytest.mark.slow
def test_numbers_of_a_table_with_and_without_targets(app: App) -> None:
    trained(app, "tabular")
    Path("known.csv").write_text((PROJECT / "src/app/data/examples/houses.csv").read_text())
    assert list(both(app, "tabular", ["--data.path", "known.csv"])[0])[-3:] == ["actual", "predicted", "error"]
    text = Path("known.csv").read_text().splitlines()
    Path("blank.csv").write_text("\n".join([*text[:9], text[9].rpartition(",")[0] + ","]) + "\n")
    assert list(both(app, "tabular", ["--data.path", "blank.csv"])[0])[-1] == "predicted"


@pytest.mark.slow
def test_images_of_folders_and_loose_ones(small_images: Path, app: App) -> None:
    trained(app, "image_folder", "--data.root", small_images)
    shutil.copytree(small_images, "new")
    assert list(both(app, "image_folder", ["--data.root", "new"])[0])[:3] == ["file", "label", "predicted"]
    assert list(both(app, "image_folder", ["--data.root", "new/red"])[0])[:2] == ["file", "predicted"]


@pytest.mark.slow
def test_grey_images_from_files_are_those_of_mnist(small_mnist: Path, app: App) -> None:
    model = trained(app, "mnist_cnn", "--data.root", small_mnist, "--data.val_size", "40")
    pixels = np.frombuffer((small_mnist / "MNIST/raw/t10k-images-idx3-ubyte").read_bytes()[16:], np.uint8)
    labels = gzip.decompress((small_mnist / "MNIST/raw/t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    for number, (image, label) in enumerate(zip(pixels.reshape(-1, 28, 28), labels, strict=True)):
        Path(f"digits/{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(f"digits/{label}/{number:03}.png")
    run(app, "predict", "--run", "mnist_cnn")
    run(app, "predict", "--model", model, "--data.root", "digits")
    found = sorted(read_csv(Path("predictions.csv")), key=lambda row: Path(row["file"]).name)
    expected = read_csv(Path("lightning_logs/mnist_cnn/version_0/predictions.csv"))
    for rows, name in ((found, "file"), (expected, "index")):
        for row in rows:
            del row[name]
    same(expected, found)


@pytest.mark.slow
def test_a_text_goes_on_as_the_run_goes_on(app: App, folder: Path) -> None:
    words = ["--trainer.limit_train_batches", "20", "--trainer.limit_test_batches", "1"]
    trained(app, "chars", *words)
    both(app, "chars", ["--data.prompt", "The tall grass ", "--model.temperature", "0", "--model.length", "300"])


EXAMPLES = PROJECT / "src/app/data/examples"


@pytest.mark.parametrize(
    ("config", "example", "first"),
    [
        ("multilabel", "machines", ["label_overheating", "predicted_overheating", "p_overheating"]),
        ("tabular_targets", "buildings", ["actual_heating_kwh_m2", "predicted_heating_kwh_m2", "error_heating_kwh_m2"]),
        ("tabular_mixed", "listings", ["actual", "predicted", "error"]),
    ],
)
def test_labels_several_targets_texts_and_gaps(config: str, example: str, first: list[str], app: App) -> None:
    trained(app, config)
    header, *lines = (EXAMPLES / f"{example}.csv").read_text().splitlines()
    lines[0] = f"{'Moon' if config == 'tabular_mixed' else lines[0].partition(',')[0]},{lines[0].partition(',')[2]}"
    Path("new.csv").write_text("\n".join([header, *lines[:90]]) + "\n")
    names = list(both(app, config, ["--data.path", "new.csv"], tolerance=1e-3)[0])
    assert names[names.index(first[0]) :][:3] == first
    targets = {"multilabel": 3, "tabular_targets": 3, "tabular_mixed": 1}[config]
    Path("new.csv").write_text("\n".join(line.rsplit(",", targets)[0] for line in [header, *lines[:90]]) + "\n")
    assert first[0] not in both(app, config, ["--data.path", "new.csv"], tolerance=1e-3)[0]


def test_a_row_of_texts_and_gaps(app: App) -> None:
    trained(app, "tabular_mixed")
    names = (EXAMPLES / "listings.csv").read_text().splitlines()[0].split(",")[:-1]
    row = ",".join(f"{name}={'gas' if name == 'heating' else ''}" for name in names)
    rows = both(app, "tabular_mixed", ["--input", row])
    assert (rows[0]["heating"], rows[0]["style"], rows[0]["lot_front_m"]) == ("gas", "(unknown)", "")
