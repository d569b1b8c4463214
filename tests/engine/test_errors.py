"""Constructors refuse what is out of range, naming argument and value."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from app.data.augmentation import Crop, Erase, Flip, Jitter, Noise
from app.data.cifar10 import CIFAR10
from app.data.image_folder import ImageFolder
from app.data.mnist import MNIST
from app.data.product import Product
from app.data.tabular import Tabular
from app.tasks import Classification, NextCharacter, Regression
from engine.errors import check_range, place_of

ADAM = partial(torch.optim.Adam, lr=1e-3)
REFUSED: dict[str, Callable[[], object]] = {
    "batch_size must be at least 1: 0": lambda: Product(batch_size=0),
    "train_size must be at least 1: -5": lambda: Product(train_size=-5),
    "val_size must be at least 1: 0": lambda: Product(val_size=0),
    "test_size must be at least 1: 0": lambda: Product(test_size=0),
    "val_size must be at least 1: -1": lambda: MNIST(val_size=-1),
    "val_size must be at least 1: -2": lambda: CIFAR10(val_size=-2),
    "val_size -0.1 and test_size 0.2": lambda: Tabular(val_size=-0.1),
    "val_size 0.9 and test_size 0.1": lambda: ImageFolder(val_size=0.9),
    "image_size must be at least 1: 0": lambda: ImageFolder(image_size=0),
    "num_workers must be at least 0: -1": lambda: ImageFolder(num_workers=-1),
    "memory_limit must be at least 0: -1": lambda: ImageFolder(memory_limit=-1),
    "padding must be at least 0: -4": lambda: Crop(-4),
    "probability must be in [0, 1]: 2": lambda: Flip(2),
    "probability must be in [0, 1]: nan": lambda: Flip(math.nan),
    "probability must be in [0, 1]: -0.5": lambda: Erase(probability=-0.5),
    "size must be in [0, 1]: 1.5": lambda: Erase(size=1.5),
    "brightness must be in [0, 1]: -1": lambda: Jitter(brightness=-1),
    "contrast must be in [0, 1]: 3": lambda: Jitter(contrast=3),
    "saturation must be in [0, 1]: 3": lambda: Jitter(saturation=3),
    "std must be at least 0: -1": lambda: Noise(-1),
    "length must be at least 1: 0": lambda: NextCharacter(nn.Identity(), ADAM, vocabulary="ab", length=0),
    "temperature must be at least 0: -1": lambda: NextCharacter(nn.Identity(), ADAM, vocabulary="ab", temperature=-1),
    "l1 must be at least 0: -1": lambda: Regression(nn.Identity(), ADAM, l1=-1),
    "label_smoothing must be in [0, 1): 1": lambda: Classification(
        nn.Identity(), ADAM, num_classes=2, label_smoothing=1
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_out_of_range_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=r"must") as error:
        REFUSED[message]()
    assert message in str(error.value)


def test_the_ends_of_a_range_belong_to_it() -> None:
    assert [Flip(end).probability for end in (0, 1)] == [0, 1]
    assert Crop(0).padding == 0
    assert ImageFolder(num_workers=None).num_workers is None


def test_a_refusal_names_the_line_of_the_owner_that_made_it_or_called_the_library() -> None:
    with pytest.raises(ValueError, match="divisible") as refused:
        torch.nn.Conv2d(3, 5, 3, groups=2)
    assert f"({__file__}, line " in place_of(refused.value)
    with pytest.raises(ValueError, match="at least") as own:
        raise ValueError("at least one")
    assert place_of(own.value).startswith(f" ({__file__}, line ")
    with pytest.raises(ValueError, match="at least") as engines:
        check_range("size", 0, 1)
    assert place_of(engines.value) == ""
