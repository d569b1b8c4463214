"""Residual network (He et al. 2015, "Deep Residual Learning for Image Recognition")."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from app.networks.initialization import Scheme, initialize


class Residual(nn.Module):
    """Two 3x3 convolutions with batch normalization, added to their input; a 1x1 convolution where shapes differ."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            _convolution(before, after, 3, stride), nn.ReLU(inplace=True), _convolution(after, after, 3, 1)
        )
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(before, after, 1, stride)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, before, H, W) to (B, after, H / stride, W / stride)."""
        return torch.relu(self.main(maps) + self.shortcut(maps))


class ResNet(nn.Module):
    """Residual blocks, average pooling and a linear layer.

    Args:
        in_channels: Channels of an image: 1 grey, 3 colour; by default as the data has.
        num_classes: Number of logits; by default as the data has.
        channels: Channels of each stage; every stage but the first halves height and width.
        blocks: Residual blocks in each stage.
        stem: First layers: "large" is conv 7x7 with stride 2 and pooling, "small" conv 3x3 for images up to 64 pixels.
        init: How weights are drawn.

    Raises:
        ValueError: If a size is missing or not positive.
    """

    def __init__(
        self,
        in_channels: int | None = None,
        num_classes: int | None = None,
        channels: Sequence[int] = (64, 128, 256),
        blocks: int = 2,
        stem: Literal["small", "large"] = "small",
        init: Scheme = "default",
    ) -> None:
        super().__init__()
        if not in_channels or not num_classes or min(*channels, blocks) < 1:
            raise ValueError(f"a ResNet needs sizes: in_channels {in_channels}, num_classes {num_classes}, {channels}")
        size, stride = (7, 2) if stem == "large" else (3, 1)
        layers: list[nn.Module] = [_convolution(in_channels, channels[0], size, stride), nn.ReLU(inplace=True)]
        if stem == "large":
            layers.append(nn.MaxPool2d(3, 2, padding=1))
        for stage, (before, after) in enumerate(zip([channels[0], *channels], channels, strict=False)):
            layers.append(Residual(before, after, stride=2 if stage else 1))
            layers.extend(Residual(after, after, stride=1) for _ in range(blocks - 1))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels[-1], num_classes)
        initialize(self, init)
        # Convolutions of a batch take about 0.6 of the time on a CPU; docs/performance.md has the figures.
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, in_channels, H, W) to logits (B, num_classes)."""
        logits: Tensor = self.classifier(self.pool(self.features(images)).flatten(1))
        return logits


def _convolution(before: int, after: int, size: int, stride: int) -> nn.Sequential:
    """Return a convolution that keeps the image size up to its stride, and batch normalization, which replaces bias."""
    convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))
