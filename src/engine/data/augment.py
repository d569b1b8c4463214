"""Augmentation: transforms of training batches on the device."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PerImage(nn.Module):
    """Applies a transform to one image (C, H, W) at a time, for one that draws its random numbers once a call."""

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, images: Tensor) -> Tensor:
        """Return the changed images (B, C, H, W)."""
        return torch.stack([self.transform(image) for image in images])


class Augment(nn.Sequential):
    """Transforms of a batch (B, C, H, W), in turn; those of torchvision, which draw once a call, image by image."""

    def __init__(self, transforms: Sequence[nn.Module]) -> None:
        super().__init__(*(PerImage(t) if _of_torchvision(t) else t for t in transforms))


def _of_torchvision(transform: nn.Module) -> bool:
    return any(base.__module__.split(".")[0] == "torchvision" for base in type(transform).__mro__)
