"""People's own folders of images: what is noticed before training, and what can be predicted."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from support import PROJECT, Result, read_csv

from app.data.image_folder import ImageFolder
from engine.errors import DataError

App = Callable[..., Result]
CONFIG = PROJECT / "configs" / "image_folder.yaml"
ROOT = "--data.init_args.root"


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 16), "red").save(path)


def fit(app: App, root: Path, code: int = 0) -> str:
    result = app("fit", "--config", CONFIG, ROOT, str(root), "--trainer.max_epochs", "1")
    assert result.exit_code == code, result.err
    return result.err


def predicted(app: App, root: Path) -> list[dict[str, str]]:
    result = app("predict", "--run", "image_folder", ROOT, str(root))
    assert result.exit_code == 0, result.err
    return read_csv(Path("lightning_logs/image_folder/version_0/predictions.csv"))


def test_classes_are_numbered_by_alphabet_or_as_the_settings_say(folder: Path) -> None:
    names = [f"{letter}{number}" for letter in "hdbacfge" for number in (3, 1, 2)]
    for name in names:
        image(folder / "images" / name / "1.png")
    data = ImageFolder("images", all_images=True)
    assert data.classes == sorted(names)
    files, labels = data._members("test")
    assert [sorted(names)[label] for label in labels.tolist()] == [file.parent.name for file in files]
    chosen = ImageFolder("images", all_images=True, classes=names)
    files, labels = chosen._members("test")
    assert [names[label] for label in labels.tolist()] == [file.parent.name for file in files]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda test: image(test / "yellow" / "1.png"), "test/yellow is none of the classes blue, green, red"),
        (lambda test: shutil.rmtree(test / "green"), "test/green has no PNG or JPEG images"),
    ],
)
def test_a_test_folder_that_cannot_be_scored_is_named_before_training(
    change: Callable[[Path], None], words: str, small_images: Path, app: App, folder: Path
) -> None:
    for split in ("train", "test"):
        shutil.copytree(small_images, folder / "own" / split)
    change(folder / "own" / "test")
    assert words in fit(app, folder / "own", code=3)
    assert not (folder / "lightning_logs").exists()


def test_a_file_is_not_a_folder(small_images: Path, app: App) -> None:
    assert "00.png is not a folder" in fit(app, small_images / "red" / "00.png", code=3)


@pytest.mark.parametrize(("count", "words"), [(2, "it needs at least 3"), (3, "one of each class (see test_size)")])
def test_too_few_images_of_a_class_are_named(count: int, words: str, app: App, folder: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(count):
            image(folder / "few" / name / f"{number}.png")
    data = ImageFolder("few")
    with pytest.raises(DataError) as error:
        data.setup("fit")
    assert words in str(error.value)
    assert str(error.value).startswith("few: ")


def test_some_of_the_classes_can_be_predicted(small_images: Path, app: App, folder: Path) -> None:
    fit(app, small_images)
    for name in ("red", "blue"):
        shutil.copytree(small_images / name, folder / "some" / name)
    rows = predicted(app, folder / "some")
    assert [row["label"] for row in rows] == ["blue"] * 20 + ["red"] * 20
    assert rows[0]["file"] == "blue/00.png"


def test_loose_images_beside_a_folder_that_is_no_class_are_predicted(
    small_images: Path, app: App, folder: Path
) -> None:
    fit(app, small_images)
    shutil.copytree(small_images / "red", folder / "loose")
    (folder / "loose" / "notes").mkdir()
    rows = predicted(app, folder / "loose")
    assert len(rows) == 20
    assert "label" not in rows[0]


def test_the_images_trained_on_are_the_same_in_another_spelling(small_images: Path, app: App) -> None:
    fit(app, small_images)
    assert len(predicted(app, small_images / "red" / "..")) == 6  # the test split of 60
