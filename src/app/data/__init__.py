"""LightningDataModules, named for the data set; each owns its splits."""

import importlib
from typing import Any

from app.data.memory import InMemory

# Imported on first use: pandas, scikit-learn and torchvision take seconds that most runs need not wait.
_HOMES = {
    "CIFAR10": "cifar10",
    "Chars": "chars",
    "ImageFolder": "image_folder",
    "Line": "line",
    "Linear": "linear",
    "MNIST": "mnist",
    "Product": "product",
    "Sine": "sine",
    "Tabular": "tabular",
    "Threshold": "threshold",
}

__all__ = ["InMemory"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # any of the classes above
    if name in _HOMES:
        return getattr(importlib.import_module(f"app.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
