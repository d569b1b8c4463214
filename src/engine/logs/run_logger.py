"""Base class of the loggers that write into the folder of a run, and the step that they log at."""

from abc import abstractmethod
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.loggers.logger import DummyLogger

from engine.lazy import optional


class RunLogger(Logger):
    """A logger that is told which run it writes for, and that writes all it has before a checkpoint is saved."""

    folder = Path()
    purge_step: int | None = None

    def begin(self, folder: Path, purge_step: int | None = None) -> None:
        """Choose the folder of a run.

        Args:
            folder: The run's folder.
            purge_step: Step that training starts at; what an interrupted run logged from there on no longer counts.
                None for an evaluation, which adds to what is there.
        """
        self.folder, self.purge_step = folder, purge_step

    @property
    def log_dir(self) -> str:
        """Folder of the run."""
        return str(self.folder)

    save_dir = log_dir  # Lightning's own callbacks write below it

    @property
    def experiment(self) -> Any:
        """An object that takes any call and does nothing: a module may write to that of each of its loggers."""
        return DummyLogger().experiment

    @abstractmethod
    def flush(self) -> None:
        """Write what is pending, so that a checkpoint is never newer than the logs."""


def logged_step(trainer: Trainer) -> int:
    """Return the step that Lightning logs metrics at: the current one, or the last before an evaluation."""
    resume = optional("engine.training.resume")
    return trainer.global_step if resume is None else int(resume.logged_step(trainer))
