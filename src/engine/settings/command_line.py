"""LightningCLI of the engine: parses settings, builds data, task and callbacks once, and the Trainer when asked."""

import argparse
import pkgutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from jsonargparse import Namespace, set_dumper
from jsonargparse.typing import register_type
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelSummary, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.io import TorchCheckpointIO

from engine.errors import UsageError
from engine.logs.metrics_file import MetricsFile
from engine.logs.run_logger import RunLogger
from engine.logs.tensorboard import TensorBoard
from engine.project import current, program
from engine.runs.checkpoint_file import AtomicCheckpointIO
from engine.runs.config_file import dump
from engine.settings import explain
from engine.settings.choice import Choice
from engine.settings.construction import Construction, shortened
from engine.settings.plain import plain
from engine.settings.sources import Sources

set_dumper("yaml", dump)  # jsonargparse's own writes texts that it reads as numbers
register_type(torch.device)  # Lightning's averaging of weights takes one

T = TypeVar("T")
# Minimum values that Lightning does not check.
MINIMUM = {"accumulate_grad_batches": 1, "gradient_clip_val": 0, "check_val_every_n_epoch": 1}
# Switches of the Trainer, and the callbacks that each switches off.
SWITCHES: dict[str, type[Callback]] = {
    "enable_checkpointing": Checkpoint,
    "enable_progress_bar": ProgressBar,
    "enable_model_summary": ModelSummary,
}


class CommandLine(LightningCLI):
    """Parses settings and builds from them; the Trainer last, by `build_trainer`: by then the run has a folder."""

    datamodule: LightningDataModule | None  # a module may have loaders of its own
    model: LightningModule

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.sources = Sources(choice)
        self.construction = Construction()
        super().__init__(
            save_config_callback=None,
            auto_configure_optimizers=False,
            parser_kwargs={
                "default_config_files": [str(current().defaults)],
                "allow_abbrev": False,
                "exit_on_error": False,  # raises, where the usage of 300 options would be printed
                "usage": argparse.SUPPRESS,
                "prog": program(),
            },
            args=self.sources.arguments(),
            run=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add a key for each callback and each panel that the settings name."""
        for key in self.sources.parts:
            parser.add_argument(f"--{key}", type=Callback | None, default=None)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the settings, or say in a line which of them is wrong."""
        try:
            self.config = parser.parse_args(args)
        except Exception as error:  # jsonargparse, too, meets what it does not expect
            raise UsageError(explain.first_wrong(self.sources) or shortened(error)) from error
        for section in ("trainer", "callbacks", "data"):
            own = section == "data" and self.config.get(section) is None  # the loaders are the module's own
            if not own and not isinstance(self.config.get(section), Namespace):
                raise UsageError(f"the settings have no {section}: {self.config.get(section)}")
        seed = self.config.seed_everything
        if not isinstance(seed, bool) and not 0 <= seed < 2**32:
            raise UsageError(f"seed_everything: {seed} is not in [0, {2**32 - 1}]")

    def before_instantiate_classes(self) -> None:
        """Build the data module, and take from it what the settings leave to it."""
        self.parser.add_instantiator(self.construction, object)  # after those of the CLI, which comes first counts
        if self.config.data is None:
            self.datamodule = None
            return
        self._adapt_to_other_data()
        only = Namespace(data=self.config.data.clone())  # type: ignore[no-untyped-call]
        self.config_dump = plain(self.parser, only)  # what save_hyperparameters of a data module of one's own keeps
        self.datamodule = self._built(lambda: self.parser.instantiate_classes(only)).data
        self._fill_in()
        self.config_dump = self.settings

    def instantiate_classes(self) -> None:
        """Build task, callbacks and loggers."""
        config = self.config.clone()
        config.data = self.datamodule
        self.config_init = self._built(lambda: self.parser.instantiate_classes(config))
        self.model = self.config_init.model

    def build_trainer(self, folder: Path, callbacks: list[Callback], step: int | None = None) -> Trainer:
        """Return a Trainer that writes into a folder; what it logs from a step on replaces what is there."""
        settings = vars(self.config_init.trainer).copy()
        for name, minimum in MINIMUM.items():
            if settings[name] is not None and settings[name] < minimum:
                raise UsageError(f"trainer.{name} must be at least {minimum}: {settings[name]}")
        loggers = [TensorBoard(), MetricsFile()] if settings["logger"] is True else settings["logger"] or []
        loggers = [loggers] if isinstance(loggers, Logger) else loggers
        for logger in loggers:
            if isinstance(logger, RunLogger):
                logger.begin(folder, purge_step=step)
        settings |= {"callbacks": callbacks, "default_root_dir": str(folder), "logger": loggers}
        # Else Lightning would add a checkpoint, a progress bar and a summary of its own.
        settings |= {switch: any(isinstance(c, kind) for c in callbacks) for switch, kind in SWITCHES.items()}
        trainer = self._built(lambda: Trainer(**settings))
        if settings["profiler"] is not None and trainer.profiler.filename is None:  # type: ignore[attr-defined]
            trainer.profiler.filename = "profile"  # type: ignore[attr-defined]  # else hundreds of lines are logged
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # a strategy may have its own
            trainer.strategy.checkpoint_io = AtomicCheckpointIO(self.choice.trust)
        return trainer

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that runs, as config.yaml has it."""
        return plain(self.parser, self.config)

    def _adapt_to_other_data(self) -> None:
        """Where a run is scored on other data than it was trained on, let the data class say what changes."""
        run, arguments = self.choice.run, self.config.data.get("init_args")
        change = getattr(pkgutil.resolve_name(self.config.data.class_path), "for_other_data", None)
        if self.choice.command in ("test", "predict") and run is not None and change is not None and arguments:
            trained = self.sources.adapted[run.config].get("data", {}).get("init_args", {})
            for name, value in change(vars(arguments), trained).items():
                arguments[name] = value

    def _fill_in(self) -> None:
        """Take the facts that the data class declares: its own arguments, and those left open of task and network."""
        for key in ("data", "model", "model.init_args.network"):
            place = self.config.get(f"{key}.init_args")
            for name in getattr(self.datamodule, "facts", ()) if isinstance(place, Namespace) else ():
                if name in place and (key == "data" or place[name] is None):
                    place[name] = getattr(self.datamodule, name)

    def _built(self, build: Callable[[], T]) -> T:
        return self.construction.of(build, lambda: explain.first_wrong(self.sources))
