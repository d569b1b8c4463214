"""This process: its rank, its threads, its warning filters and its signals."""

import errno
import logging
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from engine.errors import CommandError, Interrupted

if TYPE_CHECKING:
    from torch import nn

# Beginnings of warnings that a user cannot act on, each with its reason.
WARNINGS = (
    r".*does not have many workers",  # workers are chosen by the data module
    r"The number of training batches .* is smaller than the logging interval",  # losses are logged once an epoch
    r"Checkpoint directory .* exists and is not empty",  # a run is resumed in its own folder
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated",  # Lightning's own use of PyTorch
    r".*is currently in eval mode|Found .* module\(s\) in eval mode",  # networks may hold frozen parts
    r"There is a wandb run already|.*tensorboardX",  # optional loggers
    r"You requested to overfit but enabled",  # the engine's loaders do not shuffle then
    r"You.re resuming from a checkpoint that ended before the epoch ended",  # a line of the engine says so
)
# Beginnings of what Lightning logs beside its callbacks, each with its reason; all else that is logged is shown.
NOTICES = (
    "\N{ELECTRIC LIGHT BULB} Tip",  # advertising
    *("GPU available", "TPU available", "HPU available", "LOCAL_RANK:", "Seed set to"),  # a line of each run says it
    "Using bfloat16 Automatic",  # a setting
    "Using 16bit Automatic",
    "Running in `fast_dev_run` mode",
    "You are using a CUDA device",  # a setting of torch, not of a run
    "`Trainer.fit` stopped",  # the report says how a training ended
    *("Restor", "Loaded model weights"),  # a line says which checkpoint was loaded
    "`weights_only` was not set",
    *("Trainer already configured with", "`Trainer(", "Loading `train_dataloader` to"),  # how it works inside
    "The following callbacks returned in `LightningModule.configure_callbacks`",  # the owner has written that
    *("\nDetected KeyboardInterrupt", "Received SIGTERM", "Bypassing SIGTERM"),  # the last line says it
    *("Initializing distributed", "-" * 100),  # of each process
)
# Multiplications in the layers of a network for one batch, below which a second thread costs more than it gains.
SMALL = 2**24
FULL_OR_READ_ONLY = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)  # whoever was writing then
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


class LostProcess(CommandError):
    """Another process of this training has ended."""

    def __init__(self) -> None:
        super().__init__(
            "another process of this training has ended, and this one with it.\n"
            "If it did not say why, the system killed it: is there enough memory?"
        )


def prepare() -> None:
    """Filter warnings and notices, and turn SIGTERM into an exception, for a command that imports Lightning."""
    if not isinstance(threading.excepthook, _ThreadErrors):
        threading.excepthook = _ThreadErrors(threading.excepthook)
    logging.getLogger("lightning").handlers = [_Logged()]
    for name in ("lightning.pytorch", "lightning.fabric"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    end_with_parent()
    signal.signal(signal.SIGTERM, terminate)


def terminate(number: int, frame: FrameType | None) -> None:
    """Raise Interrupted: a handler for SIGTERM."""
    raise Interrupted(number)


def is_first() -> bool:
    """Return whether this is the only process of a training, or the first of several: the one that writes files."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


def number() -> str:
    """Return the rank of this process, as its launcher sets it."""
    named = (os.environ.get(name) for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"))
    return next(filter(None, named), "0")


def lost(error: BaseException) -> bool:
    """Return whether an error of torch.distributed means that another process is gone."""
    from torch.distributed import DistError

    return isinstance(error, DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error).lower())


def end_with_parent(interval: float = 1.0) -> None:
    """End this process when the launcher that started it is gone: it would wait for the others for ever."""
    launched = os.environ.get("LOCAL_RANK", "0") != "0" or "TORCHELASTIC_RUN_ID" in os.environ
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval)
        os._exit(1)

    if launched:
        threading.Thread(target=watch, daemon=True).start()


def fit_threads(network: "nn.Module", batch_size: int) -> None:
    """Train a small network on one thread, unless the environment sets the number of threads.

    Threads wait for each other by spinning: on a busy machine a small network is many times slower with two. Layers
    that use a weight more than once for each sample, convolutional and recurrent ones, are worth all threads.
    """
    import torch
    from torch import nn

    weights = [weight for weight in network.parameters() if not nn.parameter.is_lazy(weight)]
    once = all(weight.ndim <= 2 for weight in weights)
    recurrent = any(isinstance(layer, nn.RNNBase) for layer in network.modules())
    work = batch_size * sum(weight.numel() for weight in weights)
    if once and not recurrent and work < SMALL and not any(os.environ.get(name) for name in THREAD_VARIABLES):
        torch.set_num_threads(1)


class _Logged(logging.Handler):
    """Prints what callbacks and the owner's code log by Lightning's functions, above the bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message that is no notice; warnings go to standard error, as Lightning has it."""
        from engine import console

        message = re.sub(r"^\[rank: \d+\] ", "", record.getMessage())
        if record.levelno >= logging.WARNING:
            sys.stderr.write(f"{message}\n")
        elif not message.startswith(NOTICES):
            console.say(message)


class _ThreadErrors:
    """A thread excepthook that leaves out TensorBoard's writer, whose error is raised again in the main thread."""

    def __init__(self, otherwise: Callable[[threading.ExceptHookArgs], object]) -> None:
        self.otherwise = otherwise

    def __call__(self, failure: threading.ExceptHookArgs) -> None:
        if type(failure.thread).__name__ != "_AsyncWriterThread":
            self.otherwise(failure)
