import shutil
from pathlib import Path

import pytest
import torch

from app.data.mnist import MNIST
from engine.errors import DataError


def rows(images: torch.Tensor) -> set[bytes]:
    return {bytes(image.flatten().tolist()) for image in images}


def test_images_are_raw_bytes_and_match_their_labels(small_mnist: Path) -> None:
    for split in ("train", "val", "test"):
        images, labels = MNIST(str(small_mnist), val_size=40).build(split)
        assert images.dtype == torch.uint8
        assert images.shape[1:] == (1, 28, 28)
        brightest = images[:, 0].float().mean(2).argmax(1)
        assert torch.equal(brightest, 2 * labels + 4)


def test_validation_is_a_stratified_part_of_the_training_images(small_mnist: Path) -> None:
    data = MNIST(str(small_mnist), val_size=40)
    (train, train_labels), (val, val_labels), (test, _) = data.build("train"), data.build("val"), data.build("test")
    assert (len(train), len(val), len(test)) == (160, 40, 50)
    assert not rows(train) & rows(val)
    assert not rows(test) & (rows(train) | rows(val))
    assert train_labels.bincount().tolist() == [16] * 10
    assert val_labels.bincount().tolist() == [4] * 10


def test_packed_files_are_read_and_left_as_they_are(small_mnist: Path) -> None:
    before = sorted(path.name for path in (small_mnist / "MNIST" / "raw").iterdir())
    assert any(name.endswith(".gz") for name in before)
    MNIST(str(small_mnist), val_size=40).build("test")
    assert sorted(path.name for path in (small_mnist / "MNIST" / "raw").iterdir()) == before


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"])
def test_a_damaged_file_is_named(name: str, small_mnist: Path, folder: Path) -> None:
    shutil.copytree(small_mnist, folder / "broken")
    path = folder / "broken" / "MNIST" / "raw" / name
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"damaged|unpacked"):
        MNIST("broken", val_size=40).build("train")


@pytest.mark.parametrize("val_size", [195, 200])
def test_a_validation_split_that_leaves_nothing_is_refused(val_size: int, small_mnist: Path) -> None:
    with pytest.raises(DataError, match="cannot be split"):
        MNIST(str(small_mnist), val_size=val_size).build("train")


def test_the_training_files_are_read_once_for_both_of_their_splits(
    small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bool] = []
    read = MNIST.read

    def counted(self: MNIST, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
        reads.append(train)
        tensors: tuple[torch.Tensor, torch.Tensor] = read(self, train)
        return tensors

    monkeypatch.setattr(MNIST, "read", counted)
    data = MNIST(str(small_mnist), val_size=40)
    train, val = data.build("train"), data.build("val")
    assert reads == [True]
    assert torch.equal(data.build("val")[0], val[0])
    assert torch.equal(data.build("train")[0], train[0])
