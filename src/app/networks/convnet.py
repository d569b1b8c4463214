"""Convolutional network for small images."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from app.networks.initialization import Scheme, initialize
from app.networks.mlp import MLP


class ConvNet(nn.Module):
    """Blocks of conv 3x3 (padding 1), ReLU and 2x2 max pooling, then an MLP on the flattened maps.

    Args:
        in_channels: Channels of an image: 1 grey, 3 colour; by default as the data has.
        channels: Output channels of each block; every block halves height and width, rounding down.
        image_size: Height and width of an image in pixels; by default as the data has.
        num_classes: Number of logits; by default as the data has.
        pooled_size: Height and width that the maps are averaged down to before the linear layers; by default all stays.
        hidden_features: Widths of linear layers between the maps and the logits.
        batch_norm: Normalize over the batch before each ReLU of the blocks.
        dropout: Probability in [0, 1) of dropping a unit of the hidden linear layers; without them, of dropping a
            number of the flattened maps.
        init: How weights are drawn.

    Raises:
        ValueError: If a size is missing or the blocks leave no pixel.
    """

    def __init__(
        self,
        in_channels: int | None = None,
        channels: Sequence[int] = (16, 32),
        image_size: int | None = None,
        num_classes: int | None = None,
        pooled_size: int | None = None,
        hidden_features: Sequence[int] = (),
        batch_norm: bool = False,
        dropout: float = 0.0,
        init: Scheme = "default",
    ) -> None:
        super().__init__()
        if not in_channels or not image_size or not num_classes:
            raise ValueError(f"a ConvNet needs sizes: {in_channels=}, {image_size=}, {num_classes=}")
        final_size = image_size >> len(channels)
        if final_size < (pooled_size or 1):
            raise ValueError(f"{len(channels)} blocks leave too little of {image_size} pixels: each halves the image")
        blocks: list[nn.Module] = []
        for before, after in zip([in_channels, *channels], channels, strict=False):
            # A bias before batch normalization would be subtracted again.
            blocks.append(nn.Conv2d(before, after, kernel_size=3, padding=1, bias=not batch_norm))
            if batch_norm:
                blocks.append(nn.BatchNorm2d(after))
            blocks.extend([nn.ReLU(), nn.MaxPool2d(2)])
        if pooled_size:
            blocks.append(nn.AdaptiveAvgPool2d(pooled_size))
            final_size = pooled_size
        self.features = nn.Sequential(*blocks)
        last_channels = [in_channels, *channels][-1]
        self.classifier = MLP(last_channels * final_size**2, hidden_features, num_classes, dropout=dropout)
        initialize(self, init)
        # Convolutions of a batch take about 0.6 of the time on a CPU; docs/performance.md has the figures.
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, in_channels, image_size, image_size) to logits (B, num_classes)."""
        logits: Tensor = self.classifier(self.features(images))
        return logits
