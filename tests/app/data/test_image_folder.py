import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from support import PROJECT, Result, read_csv

from app.data.image_folder import ImageFolder

App = Callable[..., Result]
CONFIG = PROJECT / "configs" / "image_folder.yaml"


def data(root: Path, **arguments: int) -> ImageFolder:
    return ImageFolder(str(root), image_size=16, val_size=0.2, test_size=0.2, **arguments)  # type: ignore[arg-type]


def test_classes_are_the_folders_and_images_match_them(small_images: Path) -> None:
    folder = data(small_images)
    assert folder.classes == ["blue", "green", "red"]
    for split in ("train", "val", "test"):
        images, labels = folder.build(split)
        assert images.dtype == torch.uint8
        assert images.shape[1:] == (3, 16, 16)
        assert torch.equal(2 - images.float().mean((2, 3)).argmax(1), labels)


def test_splits_are_stratified_and_share_no_file(small_images: Path) -> None:
    folder = data(small_images)
    parts = [folder._members(split) for split in ("train", "val", "test")]
    assert [labels.bincount().tolist() for _, labels in parts] == [[12] * 3, [4] * 3, [4] * 3]
    files = [file for names, _ in parts for file in names]
    assert len(files) == len(set(files)) == 60


def test_folders_of_their_own_are_the_splits(small_images: Path, folder: Path) -> None:
    for split in ("train", "test"):
        shutil.copytree(small_images, folder / "images" / split)
    own = data(folder / "images")
    assert {file.parts[-3] for file in own._members("test")[0]} == {"test"}
    assert {file.parts[-3] for name in ("train", "val") for file in own._members(name)[0]} == {"train"}
    assert [len(own._members(name)[0]) for name in ("train", "val", "test")] == [48, 12, 60]


def test_images_that_do_not_fit_memory_are_decoded_on_demand(small_images: Path) -> None:
    kept, streamed = data(small_images), data(small_images, memory_limit=0)
    for folder in (kept, streamed):
        folder.setup("fit")
    assert not isinstance(streamed.splits["train"].tensors[0], torch.Tensor)
    for ours, theirs in zip(kept.train_dataloader(), streamed.train_dataloader(), strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])


def test_loose_images_are_predicted_by_file(small_images: Path, app: App, folder: Path) -> None:
    own = ["--data.init_args.root", str(small_images), "--trainer.max_epochs", "2"]
    fitted = app("fit", "--config", CONFIG, *own)
    assert fitted.exit_code == 0, fitted.err
    loose = folder / "loose"
    shutil.copytree(small_images / "red", loose)
    predicted = app("predict", "--run", "image_folder", "--data.init_args.root", "loose")
    assert predicted.exit_code == 0, predicted.err
    rows = read_csv(folder / "lightning_logs/image_folder/version_0/predictions.csv")
    assert list(rows[0]) == ["file", "predicted", "p_blue", "p_green", "p_red"]
    assert [row["file"] for row in rows] == sorted(path.name for path in loose.iterdir())
