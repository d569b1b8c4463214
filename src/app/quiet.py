"""Silences what a user can do nothing about; everything else is heard."""

import logging
import threading
import warnings

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
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _in_thread
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)


def _in_thread(failure: threading.ExceptHookArgs) -> None:
    if type(failure.thread).__name__ != "_AsyncWriterThread":
        threading.__excepthook__(failure)
