import pytest
import torch
from support import SmallCIFAR10
from torch import Tensor

from app.data.cifar10 import CIFAR10


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> CIFAR10:
    monkeypatch.setattr("torchvision.datasets.CIFAR10", SmallCIFAR10)
    return CIFAR10(val_size=20)


def rows(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_training_and_validation_share_no_image_and_are_stratified(data: CIFAR10) -> None:
    (train, train_labels), (val, val_labels) = data.build("train"), data.build("val")
    assert (len(rows(train)), len(rows(val)), len(rows(train) | rows(val))) == (80, 20, 100)
    assert train_labels.bincount().tolist() == [8] * 10
    assert val_labels.bincount().tolist() == [2] * 10


def test_pixels_are_where_they_were_and_go_with_their_labels(data: CIFAR10) -> None:
    source = SmallCIFAR10("", train=False)
    images, labels = data.build("test")
    assert images.dtype == torch.uint8
    assert labels.tolist() == source.targets
    for channel in range(3):
        assert torch.equal(images[:, channel], torch.from_numpy(source.data[..., channel]))


def test_training_images_keep_their_labels(data: CIFAR10) -> None:
    source = SmallCIFAR10("")
    label = {
        image.transpose(2, 0, 1).tobytes(): target for image, target in zip(source.data, source.targets, strict=True)
    }
    for split in ("train", "val"):
        images, labels = data.build(split)
        assert [label[image.numpy().tobytes()] for image in images] == labels.tolist()
