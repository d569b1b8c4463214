"""Weights to begin with: those of a run, of another checkpoint of Lightning, or a plain state dict."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule
from torch import Tensor

from engine import console
from engine.errors import UsageError
from engine.runs.checkpoint_file import Saved, read

PLACES = ("state_dict", "model_state_dict", "model")  # where files keep the weights, beside other things
LISTED = 10


def initialize(task: LightningModule, path: Path, strict: bool, trust: bool = False) -> None:
    """Load weights into a task; report where they are from, and what is left over in the file or in the task.

    Args:
        task: Is changed.
        path: A file that torch.save has written.
        strict: Refuse the weights if anything is left over.
        trust: Whether the file may run code.

    Raises:
        UsageError: If there are no weights, or none of them fits, or, if strict, not all of them do.
    """
    content = read(path, trust)
    found, target = _weights(content), task.state_dict()
    if found is None:
        raise UsageError(f"{path} holds no weights: neither a checkpoint of Lightning nor a state dict")
    found = _below_a_child(found, target)
    wrong = _mismatched(task, found)
    fits = {name: value for name, value in found.items() if name in target and name not in wrong}
    rest = [_described(name, found.get(name), target.get(name)) for name in {**target, **found} if name not in fits]
    listed = ", ".join(rest[:LISTED]) + (f" and {len(rest) - LISTED} more" if len(rest) > LISTED else "")
    if rest and (strict or not fits):
        advice = "\nTo start from the weights that do fit: --init_strict false" if fits else ""
        raise UsageError(f"{path} holds another network than the settings say; not loaded: {listed}{advice}")
    task.load_state_dict(fits, strict=False)
    whole = isinstance(content, dict) and "loops" in content
    if whole:
        task.on_load_checkpoint(content)
    console.say(f"weights from {Saved(path, content).provenance if whole else path}")
    if rest:
        console.say(f"not loaded: {listed}")


def _weights(content: Any) -> dict[str, Tensor] | None:
    """Return the state dict in a file: what it holds, or what it holds under a usual name."""
    places = [content.get(place) for place in PLACES] if isinstance(content, Mapping) else []
    for state in (*places, content):
        if isinstance(state, Mapping) and state and all(isinstance(value, Tensor) for value in state.values()):
            return {str(name): value for name, value in state.items()}
    return None


def _below_a_child(found: dict[str, Tensor], target: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the weights of a network by the names that they have in a task, if one of its parts has them all."""
    for child in dict.fromkeys(name.partition(".")[0] for name in target):
        below = {f"{child}.{name}": value for name, value in found.items()}
        if below.keys() <= target.keys() and not found.keys() & target.keys():
            return below
    return found


def _mismatched(task: LightningModule, found: dict[str, Tensor]) -> set[str]:
    """Load what fits, and return the names of weights of another shape; a module may take any shape."""
    try:
        task.load_state_dict(found, strict=False)
    except RuntimeError as error:
        return set(re.findall("size mismatch for ([^:]+):", str(error)))
    return set()


def _described(name: str, value: Tensor | None, place: Any) -> str:
    if value is None:
        return f"{name} (not in the file)"
    if place is None:
        return f"{name} (not in the network)"
    return f"{name} {tuple(value.shape)} (in the network {tuple(place.shape)})"
