"""Several processes that train as one: when one of them ends, so do the others, with a word on why."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.errors import CommandError

GRACE = 10.0  # seconds in which a process whose connection broke may end by itself


class LostProcess(CommandError):
    """Another process of this training has ended."""

    def __init__(self) -> None:
        """Say where to look."""
        super().__init__(
            "another process of this training has ended, and this one with it.\n"
            "If it did not say why, the system killed it: is there enough memory?"
        )


def lost(error: BaseException) -> bool:
    """Say whether an error of torch.distributed means that another process is gone."""
    from torch.distributed import DistError

    return isinstance(error, DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error).lower())


def number() -> str:
    """Return the number of this process among all, as its launcher says."""
    named = (os.environ.get(name) for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"))
    return next(filter(None, named), "0")


def end_with_parent(interval: float = 1.0) -> None:
    """Have this process end when the launcher that started it is gone, where it would wait for others for ever."""
    launched = os.environ.get("LOCAL_RANK", "0") != "0" or "TORCHELASTIC_RUN_ID" in os.environ
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval)
        os._exit(1)

    if launched:
        threading.Thread(target=watch, daemon=True).start()


@contextmanager
def watched(failed: Callable[[str], None]) -> Iterator[None]:
    """See to it that this process ends with an error when one that it started does.

    Lightning's observer would kill all at once, before this one can say or record anything.

    Args:
        failed: Called with the reason, if this process cannot end by itself.
    """
    from lightning.fabric.strategies.launchers.subprocess_script import _ChildProcessObserver as Observer

    def end(observer: Any) -> None:
        time.sleep(GRACE)  # its connection is broken: mostly it has ended before this is over
        for child in observer._child_processes:
            child.kill()
        reason = str(LostProcess())
        failed(reason)
        sys.stderr.write(f"error: {reason}\n")
        sys.stderr.flush()
        os._exit(LostProcess.exit_code)

    original = Observer._terminate_all
    Observer._terminate_all = end  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Observer._terminate_all = original  # type: ignore[method-assign]
