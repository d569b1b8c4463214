"""Metadata of an exported model: what a program must know to use it, from module, data and run."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from engine.data.loader import batches
from engine.export.parity import first_tensor
from engine.export.surface import Surface, is_image
from engine.runs.checkpoint_file import Saved
from engine.runs.folder import Run

VERSION = 1  # of the keys
BATCHES = 10_000  # of a training loader that ranges are taken from: one may have no end


def of_inputs(module: LightningModule, data: Any, inputs: Tensor) -> dict[str, Any]:
    """Return what inputs (B, ...) are: a table, images or text, else a tensor of some type and shape."""
    if is_image(inputs):
        channels, height, width = inputs.shape[1:]
        fit = getattr(data, "fit", "resize")
        return {"kind": "image", "channels": channels, "height": height, "width": width, "fit": fit}
    vocabulary = getattr(module, "vocabulary", None) or getattr(data, "vocabulary", None)
    if inputs.dtype == torch.int64 and inputs.ndim == 2 and isinstance(vocabulary, str):
        return {"kind": "text", "vocabulary": vocabulary, "window": inputs.shape[1]}
    if inputs.dtype == torch.float32 and inputs.ndim == 2:
        return {"kind": "table", "columns": _columns(module, data, inputs.shape[1])}
    return {"kind": "tensor", "type": str(inputs.dtype).removeprefix("torch."), "shape": list(inputs.shape[1:])}


def of_outputs(surface: Surface, data: Any, outputs: Tensor, of_text: bool) -> dict[str, Any]:
    """Return what outputs (B, ...) are: classes, the next character or numbers, else a tensor of some shape."""
    if outputs.ndim != 2:
        return {"kind": "tensor", "shape": list(outputs.shape[1:])}
    width, name = outputs.shape[1], surface.name
    target = getattr(data, "target_name", None)  # the column that a table of one's own may have
    if name == "probabilities" and of_text:
        return {"kind": "next_character"}
    if name == "probabilities":
        classes = _names([data, surface.module], "class_names", map(str, range(width)))
        return {"kind": "classes", "classes": classes, "target": target}
    if name == "labels":  # each is there or not: the probability of each
        labels = _names([surface.module, data], "labels", map(str, range(width)))
        cuts = getattr(surface.module, "cuts", None)
        return {"kind": "labels", "labels": labels, "thresholds": [0.5] * width if cuts is None else cuts.tolist()}
    numbered = [str(target or name)] if width == 1 else [f"{name}_{number}" for number in range(width)]
    names = _names([data], "target_names", numbered)
    return {"kind": "numbers", "names": names, "units": [None] * width}


def of_run(saved: Saved, run: Run | None, module: LightningModule) -> dict[str, Any]:
    """Return which run and checkpoint a model is made of."""
    with saved.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "title": run.title if run else saved.path.name,
        "task": type(module).__name__,
        "config": run.name if run else None,
        "run": run.folder.as_posix() if run else None,
        "commit": run.record().get("git_commit") if run else None,
        "checkpoint": {"name": saved.path.name, "epoch": saved.epoch, "sha256": digest},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _columns(module: LightningModule, data: Any, width: int) -> list[dict[str, Any]]:
    """Return name, range and mean of each column over the training split, and whether it holds integers alone."""
    names = _names([data], "feature_names", [f"x{number}" for number in range(1, width + 1)])
    source = module if data is None else data
    source.setup("fit")
    parts = [first_tensor(batch) for batch in islice(batches(source.train_dataloader()), BATCHES)]
    if not all(isinstance(part, Tensor) and part.shape[1:] == (width,) for part in parts):
        return [{"name": name} for name in names]  # the module makes its inputs of something else
    words = getattr(data, "categories", None)
    words = words if isinstance(words, Mapping) else {}
    gaps = {"gaps": True} if getattr(data, "impute", "none") != "none" else {}  # NaN is a gap that the network fills
    columns = zip(names, torch.cat(parts).double().unbind(1), strict=True)
    return [
        {"name": name, "categories": [*words[name]]} if name in words else _range(name, of) | gaps
        for name, of in columns
    ]


def _range(name: str, values: Tensor) -> dict[str, Any]:
    """Return the range of a column of numbers, those that are known."""
    there = values[~values.isnan()]
    span = {"min": _short(there.min()), "max": _short(there.max()), "mean": _short(there.mean())} if len(there) else {}
    return {"name": name, **span, "integer": bool((there == there.round()).all())}


def _short(number: Tensor) -> float:
    """Return a float of 32 bits with as few digits as tell it from others: 238.6, not 238.60000610351562."""
    return float(str(number.float().numpy()))


def _names(owners: Sequence[Any], attribute: str, otherwise: Iterable[str]) -> list[str]:
    """Return the names that the first of some objects has, if they are as many as those otherwise."""
    numbered = list(otherwise)
    for owner in owners:
        found = getattr(owner, attribute, None)
        if isinstance(found, Sequence) and len(found) == len(numbered):
            return list(map(str, found))
    return numbered
