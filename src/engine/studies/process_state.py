"""State of a process that commands change: taken once, put back before each command."""

import contextlib
import gc
import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import torch

from engine.errors import ENGINE, LIBRARIES


class ProcessState:
    """Makes a process as it was: a command finds what it finds in a new one.

    The owner's modules are imported anew by each command: what they hold, or set when they are imported, is new too.

    Args:
        threads: For the computations of PyTorch.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.environment = dict(os.environ)
        self.folder, self.path = os.getcwd(), list(sys.path)  # noqa: PTH109
        self.modules = set(sys.modules)
        self.random = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        self.figures = mpl.rcParams.copy()
        self.logging = logging.root.level, list(logging.root.handlers), logging.root.manager.disable
        self.types = torch.get_default_dtype(), torch.get_default_device(), torch.get_float32_matmul_precision()
        self.deterministic = torch.get_deterministic_debug_mode()
        self.cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
        gc.freeze()  # what is imported is not looked through again
        self.restore()

    @contextlib.contextmanager
    def as_new(self) -> Iterator[None]:
        """Run a command in the state that was taken, and put it back."""
        try:
            with warnings.catch_warnings():
                yield
        finally:
            self.restore()

    def restore(self) -> None:
        """Put everything back."""
        self._restore_python()
        self._restore_torch()
        self._restore_figures()
        gc.collect()  # what the command held, files too

    def _restore_python(self) -> None:
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)
        sys.path[:] = self.path
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name not in self.modules and file and not file.startswith((ENGINE, *LIBRARIES)):
                del sys.modules[name]
        random.setstate(self.random[0])
        np.random.set_state(self.random[1])  # noqa: NPY002
        logging.root.setLevel(self.logging[0])
        logging.root.handlers[:] = self.logging[1]
        logging.disable(self.logging[2])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if watcher := sys.modules.get("engine.watcher"):
            watcher.failed.clear()

    def _restore_torch(self) -> None:
        torch.set_num_threads(self.threads)
        dtype, device, precision = self.types
        torch.set_default_dtype(dtype)
        torch.set_default_device(None if device == torch.device("cpu") else device)
        torch.set_float32_matmul_precision(precision)
        torch.set_deterministic_debug_mode(self.deterministic)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = self.cudnn
        torch.set_grad_enabled(True)
        torch.autograd.set_detect_anomaly(False)
        torch.set_rng_state(self.random[2])
        if "torch._dynamo" in sys.modules:
            torch.compiler.reset()

    def _restore_figures(self) -> None:
        mpl.rcParams.update(self.figures)
        if plots := sys.modules.get("matplotlib.pyplot"):
            plots.close("all")
