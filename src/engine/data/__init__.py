"""Data: modules with their splits in memory, loaders, tables and image files; each is imported on first use."""

from typing import TYPE_CHECKING

from engine.lazy import names

if TYPE_CHECKING:
    from engine.data.augment import Augment, PerImage
    from engine.data.columns import named
    from engine.data.image_files import Fit, ImageFiles
    from engine.data.in_memory import InMemory, Split
    from engine.data.loader import Balanced, Shuffle, TensorLoader, batches, evaluation_loader, generator
    from engine.data.paths import locate, read_text, same
    from engine.data.splits import TwoParts, divide
    from engine.data.table import Table

__all__ = [
    "Augment",
    "Balanced",
    "Fit",
    "ImageFiles",
    "InMemory",
    "PerImage",
    "Shuffle",
    "Split",
    "Table",
    "TensorLoader",
    "TwoParts",
    "batches",
    "divide",
    "evaluation_loader",
    "generator",
    "locate",
    "named",
    "read_text",
    "same",
]

__getattr__ = names(
    __name__,
    {
        **dict.fromkeys(("Augment", "PerImage"), "augment"),
        **dict.fromkeys(("Fit", "ImageFiles"), "image_files"),
        **dict.fromkeys(("InMemory", "Split"), "in_memory"),
        **dict.fromkeys(("Balanced", "Shuffle", "TensorLoader", "batches", "evaluation_loader", "generator"), "loader"),
        "named": "columns",
        **dict.fromkeys(("locate", "read_text", "same"), "paths"),
        **dict.fromkeys(("TwoParts", "divide"), "splits"),
        "Table": "table",
    },
)
