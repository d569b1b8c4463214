import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from app.data.augmentation import Crop, Erase, Flip, Jitter, Noise, Rotate
from engine.data import Augment


@pytest.fixture
def images() -> Tensor:
    return torch.randint(1, 256, (64, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "transform", [Crop(2), Flip(), Rotate(20), Jitter(), Erase(), Noise()], ids=lambda t: type(t).__name__
)
def test_shape_and_range_stay_and_images_differ(transform: nn.Module, images: Tensor) -> None:
    torch.manual_seed(0)
    for batch, top in ((images, 255), (images / 255, 1)):
        changed = transform(batch)
        assert changed.shape == batch.shape
        assert 0 <= changed.min() <= changed.max() <= (top if changed.dtype == torch.uint8 else 1)
        assert not torch.equal(changed.float(), batch.float())


def test_a_crop_is_a_shift_of_each_image_of_its_own(images: Tensor) -> None:
    torch.manual_seed(0)
    cropped = Crop(2)(images)
    padded = nn.functional.pad(images, [2] * 4)
    shifts = set()
    for image, source in zip(cropped, padded, strict=True):
        found = [(y, x) for y in range(5) for x in range(5) if torch.equal(image, source[:, y : y + 8, x : x + 8])]
        assert len(found) == 1
        shifts.add(found[0])
    assert len(shifts) > 15


def test_a_flip_mirrors_about_half_of_the_images(images: Tensor) -> None:
    torch.manual_seed(0)
    flipped = Flip()(images)
    mirrored = [torch.equal(new, old.flip(2)) for new, old in zip(flipped, images, strict=True)]
    assert all(m or torch.equal(new, old) for m, new, old in zip(mirrored, flipped, images, strict=True))
    assert 20 < sum(mirrored) < 44


def test_turning_by_90_degrees_is_a_rotation() -> None:
    image = torch.rand(1, 1, 8, 8)
    turned = Rotate(90)
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", lambda *_, **__: torch.ones(1))
        result = turned(image)
    assert any(torch.allclose(result, image.rot90(k, (2, 3)), atol=1e-5) for k in (1, 3))


def test_erasing_blackens_a_square(images: Tensor) -> None:
    erased = Erase(size=0.5, probability=1.0)(images)
    assert ((erased == 0).all(1).sum((1, 2)) == 16).all()


def test_contrast_stretches_each_image_around_its_mean() -> None:
    torch.manual_seed(0)
    images = 0.4 + 0.2 * torch.rand(64, 3, 8, 8)
    _stretched(images, Jitter(0, 0.5, 0)(images), (1, 2, 3))


def test_saturation_stretches_each_image_around_the_grey_of_each_pixel() -> None:
    torch.manual_seed(0)
    images = 0.4 + 0.2 * torch.rand(64, 3, 8, 8)
    _stretched(images, Jitter(0, 0, 0.5)(images), (1,))


def _stretched(before: Tensor, after: Tensor, dims: tuple[int, ...]) -> None:
    """See that one factor an image, from 0.5 to 1.5, leads from the old distances to a mean to the new."""
    mean = before.mean(dims, keepdim=True)
    factors = (after - mean).flatten(1).norm(dim=1) / (before - mean).flatten(1).norm(dim=1)
    torch.testing.assert_close(after, mean + (before - mean) * factors.view(-1, 1, 1, 1))
    assert 0.5 <= factors.min() < 0.7
    assert 1.3 < factors.max() <= 1.5


def test_noise_has_its_deviation() -> None:
    noisy = Noise(0.1)(torch.full((50, 1, 20, 20), 0.5))
    assert noisy.std().item() == pytest.approx(0.1, rel=0.05)


def test_other_transforms_are_drawn_for_each_image(images: Tensor) -> None:
    torch.manual_seed(0)
    flipped = Augment([v2.RandomHorizontalFlip()])(images)
    mirrored = sum(torch.equal(new, old.flip(2)) for new, old in zip(flipped, images, strict=True))
    assert 20 < mirrored < 44
