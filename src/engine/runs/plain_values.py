"""Plain values: what a checkpoint may hold to be loaded without running code; numpy's arrays are stored as tensors."""

import copy
import io
import warnings
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

PLAIN = {type(None), bool, int, float, complex, str, bytes, Tensor, nn.Parameter, torch.Size, torch.dtype, torch.device}
DICTS, LISTS = (dict, OrderedDict), (list, tuple)
PLACES = "numpy"  # key of a checkpoint: where arrays and scalars of numpy stood


def to_tensors(content: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint with tensors in place of numpy's arrays and numbers; what has none stays the same object."""
    places: list[list[Any]] = []

    def change(part: Any, path: list[Any]) -> Any:
        if isinstance(part, np.ndarray | np.generic):
            try:
                tensor = torch.from_numpy(np.array(part))
            except (TypeError, ValueError):  # texts, objects, another byte order
                return part
            places.append([isinstance(part, np.ndarray), *path])
            return tensor
        changed = {key: new for key, old in _items(part) if (new := change(old, [*path, key])) is not old}
        return _replaced(part, changed) if changed else part

    plain = change(content, [])
    return {**plain, PLACES: places} if places else content


def to_numpy(content: Any) -> Any:
    """Undo `to_tensors`."""
    for is_array, *path in content.get(PLACES, []) if isinstance(content, dict) else []:
        content = _with_numpy(content, path, is_array)
    return content


def refused(content: dict[str, Any]) -> dict[str, str]:
    """Return what PyTorch's safe loader would refuse: the class by the key, `callbacks.Mine.history` say."""
    found: dict[str, str] = {}

    def look(part: Any, path: str) -> None:
        if type(part) in PLAIN:
            return
        if type(part) in (*DICTS, *LISTS):
            for key, value in _items(part):
                look(key, f"{path} (a key)")
                look(value, f"{path}.{key}")
        elif not _loads(part):
            found[path.lstrip(".")] = f"{type(part).__module__}.{type(part).__qualname__}".removeprefix("builtins.")

    look(content, "")
    return found


def copied(part: Any) -> Any:
    """Return a deep copy, in a quarter of the time that copy.deepcopy takes."""
    if part is None or isinstance(part, bool | int | float | str):
        return part
    if isinstance(part, Tensor):
        return part.detach().clone()
    if isinstance(part, dict):
        other = copy.copy(part)  # an ordered one has attributes
        for key, value in part.items():
            other[key] = copied(value)
        return other
    if type(part) in (list, tuple):
        return type(part)(map(copied, part))
    return copy.deepcopy(part)


def _items(part: Any) -> Iterable[tuple[Any, Any]]:
    """Return keys and values of a container, none of one that holds numbers or texts only."""
    if type(part) in LISTS:
        return () if set(map(type, part)) <= PLAIN else enumerate(part)
    return part.items() if type(part) in DICTS else ()


def _replaced(part: Any, changed: dict[Any, Any]) -> Any:
    if type(part) in LISTS:
        return type(part)(changed.get(index, value) for index, value in enumerate(part))
    other = copy.copy(part)
    other.update(changed)
    return other


def _with_numpy(part: Any, path: list[Any], is_array: bool) -> Any:
    if path:
        return _replaced(part, {path[0]: _with_numpy(part[path[0]], path[1:], is_array)})
    return part.numpy() if is_array else part.numpy()[()]


def _loads(part: Any) -> bool:
    file = io.BytesIO()
    try:
        with warnings.catch_warnings(action="ignore"):
            torch.save(part, file)
            file.seek(0)
            torch.load(file, weights_only=True)
    except Exception:  # of what kind depends on the object
        return False
    return True
