"""Decoding of images: a file of any size and mode as pixels of one size, without PyTorch."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.errors import DataError

Fit = Literal["resize", "crop", "pad"]
WAYS: dict[Fit, Callable[..., Any]] = {"resize": Image.Image.resize, "crop": ImageOps.fit, "pad": ImageOps.pad}
MODES = {1: "L", 3: "RGB"}
UPLOADS = ("PNG", "JPEG")  # formats of what comes as a stream: no other decoder reads what strangers send
CHUNK = 16  # images that a thread decodes at a time: to hand over single ones takes half as long as to decode them
Map = Callable[..., Iterable[None]]


def fill(images: NDArray[np.uint8], files: Sequence[Path], fit: Fit, run: Map = map) -> None:
    """Decode files into an array (N, height, width, channels).

    Args:
        images: What is filled.
        files: An image file for each.
        fit: How an image of another size is brought to this one: see ImageFiles.
        run: What is done for each chunk of files, as map or the map of a ThreadPoolExecutor.
    """
    height, width, channels = images.shape[1:]

    def part(start: int) -> None:
        for row, file in enumerate(files[start : start + CHUNK], start):
            images[row] = decode(file, (height, width), fit, channels)

    list(run(part, range(0, len(files), CHUNK)))


def decode(
    source: Path | IO[bytes],
    size: tuple[int, int],
    fit: Fit,
    channels: int = 3,
    name: str = "",
    max_pixels: int | None = None,
) -> NDArray[np.uint8]:
    """Return an image as uint8 (height, width, channels) in [0, 255].

    Args:
        source: A file, or its bytes as a stream.
        size: Height and width of what is returned, in pixels.
        fit: How an image of another size is brought to it: see ImageFiles.
        channels: 3 for colours, 1 for grey.
        name: What an error calls it, by default its path.
        max_pixels: Refuse a larger image before it is decoded.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with Image.open(source, formats=None if isinstance(source, Path) else UPLOADS) as image:
            if max_pixels is not None and image.width * image.height > max_pixels:
                raise ValueError(f"{image.width} x {image.height} pixels are more than {max_pixels:,}")
            ImageOps.exif_transpose(image, in_place=True)
            pixels = _eight_bits(image).convert(MODES[channels])
    except UnidentifiedImageError as error:
        raise DataError(f"{name or source} is not an image that can be read: no PNG or JPEG file") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{name or source} is not an image that can be read: {error}") from error
    if pixels.size != size[::-1]:
        pixels = WAYS[fit](pixels, size[::-1], Image.Resampling.BILINEAR)
    return np.array(pixels).reshape(*size, channels)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a grey image of 16 bits in 8, which Pillow would clip instead; any other as it is."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.float64).clip(0, 65535) / 257).round().astype(np.uint8))
