"""Runs a project: the command line, training and evaluation, run folders, the dashboard and the diagnosis."""

from typing import TYPE_CHECKING

from engine.lazy import names

if TYPE_CHECKING:
    from engine.errors import CommandError, DataError, UsageError, check_range, nearest
    from engine.task import Columns, SupervisedTask
    from engine.watcher import Watcher

__all__ = ["Columns", "CommandError", "DataError", "SupervisedTask", "UsageError", "Watcher", "check_range", "nearest"]

__getattr__ = names(
    __name__,
    {
        **dict.fromkeys(("CommandError", "DataError", "UsageError", "check_range", "nearest"), "errors"),
        **dict.fromkeys(("Columns", "SupervisedTask"), "task"),
        "Watcher": "watcher",
    },
)
