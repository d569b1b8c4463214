"""The callbacks of a Trainer: one list, and the order in which they are called."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    ModelSummary,
    ProgressBar,
)

from engine import console
from engine.settings.command_line import SWITCHES, CommandLine
from engine.settings.sources import SECTIONS
from engine.training.finders import Found, without_finders


def for_fit(cli: CommandLine, before: Sequence[Callback], after: Sequence[Callback]) -> list[Callback]:
    """Return the callbacks of a training, in the order in which each hook calls them.

    1. before: the run's metadata and checks. They refuse, or record that a run has begun, before anything else happens.
    2. Those that the settings name: `callbacks`, then `dashboard`, whose panels show what the callbacks have logged.
    3. The user's own, `trainer.callbacks`.
    4. after: the resume, since all others may draw random numbers at the start, and the signals, so that every callback
       has seen the step that is saved.
    5. Checkpoints: Lightning moves them to the end.
    """
    named = _named(cli)
    finds = [callback for callback in named if isinstance(callback, BatchSizeFinder)]
    called = without_finders(named) if cli.choice.run else named
    found = [Found([finder for finder in finds if finder in called])] if finds else []
    return [*before, *found, *called, *after]


def for_evaluation(cli: CommandLine, sections: Sequence[str] = SECTIONS) -> list[Callback]:
    """Return the callbacks that sections of the settings name and do not switch off, and the user's own."""
    return without_finders(_named(cli, sections))


def _named(cli: CommandLine, sections: Sequence[str] = SECTIONS) -> list[Callback]:
    settings = cli.config_init.trainer
    own = settings.callbacks or []
    groups = filter(None, (cli.config_init.get(section) for section in sections))
    named = [part for group in groups for part in vars(group).values() if part]
    # Lightning takes one of each of these: the user's own replaces ours.
    named = without(named, [kind for kind in (ProgressBar, ModelSummary) if any(isinstance(c, kind) for c in own)])
    unwanted = [kind for switch, kind in SWITCHES.items() if settings[switch] is False]
    if not settings.logger:  # which is where learning rates would go
        unwanted.append(LearningRateMonitor)
    return without([*named, *own], unwanted)


def set_apart(trainer: Trainer, folder: Path) -> None:
    """Give a ModelCheckpoint a folder of its own, where its files would be best.ckpt or last.ckpt of the run."""
    for callback in of(trainer):
        if not isinstance(callback, ModelCheckpoint) or callback.dirpath is not None:
            continue
        if callback.filename in ("best", "last") or callback.save_last:
            callback.dirpath = str(folder / "checkpoints" / "model_checkpoint")
            console.say(f"ModelCheckpoint saves to {callback.dirpath}: best.ckpt and last.ckpt are the run's own")


def without(callbacks: Sequence[Callback], kinds: Sequence[type[Callback]]) -> list[Callback]:
    """Return the callbacks that are of none of some kinds."""
    return [callback for callback in callbacks if not isinstance(callback, tuple(kinds))]


def of(trainer: Trainer) -> list[Callback]:
    """Return the callbacks of a trainer, in the order in which they are called."""
    found: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set at run time
    return found


def facts(callbacks: Sequence[Callback]) -> dict[str, Any]:
    """Return what callbacks offer for run.json, each by a method `facts`."""
    found: dict[str, Any] = {}
    for callback in callbacks:
        if hasattr(callback, "facts"):
            found |= callback.facts()
    return found
