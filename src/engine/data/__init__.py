"""Data: modules with their splits in memory, loaders, tables and image files; each is imported on first use."""

from typing import TYPE_CHECKING

from engine.lazy import names

if TYPE_CHECKING:
    from engine.data.augment import Augment, PerImage
    from engine.data.characters import encode
    from engine.data.columns import named
    from engine.data.decoding import Fit
    from engine.data.image_files import ImageFiles
    from engine.data.image_folders import labelled, subfolders, to_predict
    from engine.data.in_memory import InMemory, Split
    from engine.data.loader import Balanced, Shuffle, TensorLoader, batches, evaluation_loader, generator
    from engine.data.mixed_table import MixedTable
    from engine.data.paths import locate, read_text, same
    from engine.data.rows import is_file, pairs_of
    from engine.data.splits import TwoParts, divide
    from engine.data.table import Table

__all__ = [
    "Augment",
    "Balanced",
    "Fit",
    "ImageFiles",
    "InMemory",
    "MixedTable",
    "PerImage",
    "Shuffle",
    "Split",
    "Table",
    "TensorLoader",
    "TwoParts",
    "batches",
    "divide",
    "encode",
    "evaluation_loader",
    "generator",
    "is_file",
    "labelled",
    "locate",
    "named",
    "pairs_of",
    "read_text",
    "same",
    "subfolders",
    "to_predict",
]

__getattr__ = names(
    __name__,
    {
        **dict.fromkeys(("Augment", "PerImage"), "augment"),
        **dict.fromkeys(("labelled", "subfolders", "to_predict"), "image_folders"),
        **dict.fromkeys(("InMemory", "Split"), "in_memory"),
        **dict.fromkeys(("Balanced", "Shuffle", "TensorLoader", "batches", "evaluation_loader", "generator"), "loader"),
        "named": "columns",
        **dict.fromkeys(("locate", "read_text", "same"), "paths"),
        **dict.fromkeys(("is_file", "pairs_of"), "rows"),
        **dict.fromkeys(("TwoParts", "divide"), "splits"),
        "Fit": "decoding",
        "ImageFiles": "image_files",
        "MixedTable": "mixed_table",
        "Table": "table",
        "encode": "characters",
    },
)
