"""Silences what a user can do nothing about; everything else is heard."""

import logging
import threading
import warnings
from collections.abc import Callable

# Each with its reason; the beginning of a message is enough.
WARNINGS = (
    r".*does not have many workers",  # workers are chosen by the data module
    r"The number of training batches .* is smaller than the logging interval",  # losses are logged once an epoch
    r"Checkpoint directory .* exists and is not empty",  # a run is resumed in its own folder
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated",  # Lightning's own use of PyTorch
    r".*is currently in eval mode|Found .* module\(s\) in eval mode",  # networks may hold frozen parts
    r"There is a wandb run already|.*tensorboardX",  # optional loggers
)


def install() -> None:
    """Filter Lightning's notices, the warnings listed above, and what TensorBoard's writer raises once more for us."""
    if not isinstance(threading.excepthook, _Threads):
        threading.excepthook = _Threads(threading.excepthook)
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.callbacks.model_summary").setLevel(
        logging.INFO
    )  # its table, where it is asked for
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)


class _Threads:
    """Hears what goes wrong in threads, but for TensorBoard's writer: its error is raised again where it is used."""

    def __init__(self, otherwise: Callable[[threading.ExceptHookArgs], object]) -> None:
        self.otherwise = otherwise

    def __call__(self, failure: threading.ExceptHookArgs) -> None:
        if type(failure.thread).__name__ != "_AsyncWriterThread":
            self.otherwise(failure)
