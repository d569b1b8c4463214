"""Augmentation of whole batches on the device, each image with a draw of its own.

Images are (B, C, H, W), uint8 in [0, 255] or floats in [0, 1]; what changes brightness returns floats in [0, 1].
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine import check_range


class Crop(nn.Module):
    """Shift by up to some pixels in each direction; what comes in at the border is black.

    Args:
        padding: Greatest shift in pixels.
    """

    def __init__(self, padding: int = 4) -> None:
        super().__init__()
        check_range("padding", padding, 0)
        self.padding = padding

    def forward(self, images: Tensor) -> Tensor:
        """Cut an image of the same size from each padded one."""
        count, channels, height, width = images.shape
        padded = functional.pad(images, [self.padding] * 4)
        tops, lefts = torch.randint(0, 2 * self.padding + 1, (2, count, 1, 1), device=images.device)
        planes = torch.arange(count * channels, device=images.device).view(count, channels, 1)
        rows = planes * padded.shape[2] + tops + torch.arange(height, device=images.device)
        # Row by row: to gather each pixel by itself takes more than twice as long.
        pieces = padded.flatten().unfold(0, width, 1)
        return pieces.index_select(0, (rows * padded.shape[3] + lefts).flatten()).view_as(images)


class Flip(nn.Module):
    """Mirror left and right.

    Args:
        probability: Fraction of images that are mirrored, in [0, 1].
    """

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__()
        check_range("probability", probability, 0, 1)
        self.probability = probability

    def forward(self, images: Tensor) -> Tensor:
        """Mirror some images."""
        count, chosen = len(images), _chosen(images, self.probability).flatten()
        both = torch.cat([images, images.flip(3)])
        return both.index_select(0, torch.arange(count, device=images.device) + count * chosen)


class Rotate(nn.Module):
    """Turn about the centre; what comes in at the corners is black.

    Args:
        degrees: Greatest angle to either side.
    """

    def __init__(self, degrees: float = 10.0) -> None:
        super().__init__()
        self.degrees = degrees

    def forward(self, images: Tensor) -> Tensor:
        """Turn each image by its own angle, bilinearly."""
        angles = (2 * torch.rand(len(images), device=images.device) - 1) * math.radians(self.degrees)
        cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
        # In units of half an image, so that the angle is one of pixels where height and width differ.
        ratio = images.shape[2] / images.shape[3]
        rows = [torch.stack([cos, -sin * ratio, zero], 1), torch.stack([sin / ratio, cos, zero], 1)]
        grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        return functional.grid_sample(_fractions(images), grid, align_corners=False)


class Jitter(nn.Module):
    """Change brightness, contrast and saturation, each by a factor drawn from 1 - strength to 1 + strength.

    Args:
        brightness: Strength in [0, 1].
        contrast: Strength in [0, 1], around the mean of the image.
        saturation: Strength in [0, 1], around the mean of each pixel's channels.
    """

    def __init__(self, brightness: float = 0.2, contrast: float = 0.2, saturation: float = 0.2) -> None:
        super().__init__()
        for name, strength in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
            check_range(name, strength, 0, 1)
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation

    def forward(self, images: Tensor) -> Tensor:
        """Change each image by its own factors."""
        images = _fractions(images) * self._factors(images, self.brightness)
        for strength, dims in ((self.contrast, (1, 2, 3)), (self.saturation, (1,))):
            mean = images.mean(dims, keepdim=True)
            images = mean + (images - mean) * self._factors(images, strength)
        return images.clamp(0, 1)

    @staticmethod
    def _factors(images: Tensor, strength: float) -> Tensor:
        return 1 + strength * (2 * torch.rand(len(images), 1, 1, 1, device=images.device) - 1)


class Erase(nn.Module):
    """Black out a square.

    Args:
        size: Its side as a fraction of the image's height, in [0, 1]; at least a pixel.
        probability: Fraction of images that lose one, in [0, 1].
    """

    def __init__(self, size: float = 0.3, probability: float = 0.5) -> None:
        super().__init__()
        check_range("size", size, 0, 1)
        check_range("probability", probability, 0, 1)
        self.size = size
        self.probability = probability

    def forward(self, images: Tensor) -> Tensor:
        """Erase a square from some images."""
        count, _, height, width = images.shape
        side = max(1, round(self.size * height))
        tops, lefts = torch.rand(2, count, 1, device=images.device)
        rows = torch.arange(height, device=images.device) - (tops * (height - side + 1)).floor()
        columns = torch.arange(width, device=images.device) - (lefts * (width - side + 1)).floor()
        inside = ((rows >= 0) & (rows < side)).unsqueeze(2) & ((columns >= 0) & (columns < side)).unsqueeze(1)
        return images.masked_fill(inside.unsqueeze(1) & _chosen(images, self.probability), 0)


class Noise(nn.Module):
    """Add Gaussian noise.

    Args:
        std: Its standard deviation, where images are in [0, 1].
    """

    def __init__(self, std: float = 0.05) -> None:
        super().__init__()
        check_range("std", std, 0)
        self.std = std

    def forward(self, images: Tensor) -> Tensor:
        """Add noise to every pixel."""
        images = _fractions(images)
        return (images + self.std * torch.randn_like(images)).clamp(0, 1)


def _chosen(images: Tensor, probability: float) -> Tensor:
    return torch.rand(len(images), 1, 1, 1, device=images.device) < probability


def _fractions(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images
