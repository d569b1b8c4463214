import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.data.decoding import decode
from engine.errors import DataError

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


def colours(pixels: NDArray[np.uint8]) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}


@pytest.fixture
def stripes(folder: Path) -> Path:
    """Return an image of 40 x 20 pixels: 10 columns red, 20 green, 10 blue."""
    pixels = np.array([RED] * 10 + [GREEN] * 20 + [BLUE] * 10, dtype=np.uint8)[None].repeat(20, 0)
    Image.fromarray(pixels).save(folder / "stripes.png")
    return folder / "stripes.png"


def test_a_crop_keeps_the_middle_of_the_longer_side(stripes: Path) -> None:
    assert colours(decode(stripes, (20, 20), "crop")) == {GREEN}


def test_padding_keeps_the_whole_image_between_black(stripes: Path) -> None:
    pixels = decode(stripes, (40, 40), "pad")
    assert colours(pixels[:10]) == colours(pixels[30:]) == {BLACK}
    inside = pixels[10:30]
    assert np.array_equal(inside, decode(stripes, (40, 40), "resize")[10:30])
    assert [tuple(inside[10, column].tolist()) for column in (0, 20, 39)] == [RED, GREEN, BLUE]


def test_resizing_changes_the_shape(stripes: Path) -> None:
    pixels = decode(stripes, (40, 40), "resize")
    assert colours(pixels) == {RED, GREEN, BLUE}
    assert (pixels == pixels[:1]).all()


def test_a_photograph_is_turned_as_its_camera_was_held(folder: Path) -> None:
    image = Image.new("RGB", (16, 16), "black")
    image.paste("white", (0, 0, 16, 8))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees to the right
    image.save(folder / "photo.png", exif=exif)
    pixels = decode(folder / "photo.png", (16, 16), "resize")
    assert colours(pixels[:, 8:]) == {(255, 255, 255)}
    assert colours(pixels[:, :8]) == {BLACK}


def test_grey_of_16_bits_is_scaled_to_8(folder: Path) -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(folder / "deep.png")
    pixels = decode(folder / "deep.png", (16, 16), "resize")
    assert np.array_equal(pixels[:, :, 0], np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert np.array_equal(pixels[:, :, 0], pixels[:, :, 2])
    assert np.array_equal(pixels[:, :, :1], decode(folder / "deep.png", (16, 16), "resize", channels=1))


def test_height_and_width_are_not_exchanged(stripes: Path) -> None:
    pixels = decode(stripes, (20, 40), "resize")
    assert pixels.shape == (20, 40, 3)
    assert [tuple(pixels[0, column].tolist()) for column in (0, 20, 39)] == [RED, GREEN, BLUE]


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(stripes: Path) -> None:
    assert decode(stripes, (8, 8), "resize", max_pixels=800).shape == (8, 8, 3)
    content = stripes.read_bytes()[:60]  # the size is there, the pixels are not
    with pytest.raises(DataError, match="the upload is not an image that can be read: 40 x 20 pixels"):
        decode(io.BytesIO(content), (8, 8), "resize", name="the upload", max_pixels=799)
