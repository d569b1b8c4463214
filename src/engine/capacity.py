"""How much memory there is, asked before it is taken: what takes too much of it is ended by the system in silence."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from engine.errors import UsageError

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))  # of containers


def memory() -> int | None:
    """Return the memory of the machine or container in bytes, None if it is unknown."""
    try:
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):  # not on Windows
        sizes = []
    texts = [path.read_text(encoding="ascii").strip() for path in LIMITS if path.is_file()]
    return min([*sizes, *(int(text) for text in texts if text.isdigit())], default=None)


def exceeded(error: BaseException) -> bool:
    """Say whether an error is that of memory that was not to be had."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextmanager
def bounded(trains: bool) -> Iterator[None]:
    """Refuse networks that do not fit into memory, before their weights are written.

    Training on a CPU takes four times the weights, with their gradients and the two moments of Adam.

    Raises:
        UsageError: If they do not.
    """
    copies = 4 if trains and not torch.cuda.is_available() else 1
    most, taken = memory(), 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal taken
        taken += copies * parameter.nbytes if parameter is not None else 0
        if most is not None and taken > most:
            raise UsageError(
                f"not enough memory: the network takes {taken / 1e9:.0f} GB or more of {most / 1e9:.0f} GB, "
                f"{copies} times its weights"
            )

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
