"""LightningCLI, and what belongs to the settings of this project."""

import argparse
import importlib
from functools import cached_property
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace, set_dumper
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, LearningRateMonitor, ModelSummary, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from engine import capacity
from engine.dashboard.dashboard import Dashboard
from engine.dashboard.panel import Panel
from engine.errors import UsageError
from engine.logs.metrics_file import MetricsFile
from engine.logs.tensorboard import TensorBoard
from engine.project import current
from engine.runs.config_file import dump, tree
from engine.settings.explain import Settings, overrides_as_tree
from engine.settings.options import Arguments
from engine.settings.parser import Parser, shortened

set_dumper("yaml", dump)  # jsonargparse's own writes texts that it reads as numbers

# What Lightning takes without a word, and breaks or trains wrongly on.
LEAST = {"accumulate_grad_batches": 1, "gradient_clip_val": 0, "check_val_every_n_epoch": 1}


class CommandLine(LightningCLI):
    """Parses settings and builds task, data and Trainer from them; what to run is chosen elsewhere.

    Args:
        arguments: Where the settings come from: configs, later ones over earlier ones, and overrides over all.
    """

    def __init__(self, arguments: Arguments) -> None:
        """Parse and build."""
        self.arguments = arguments
        configs = [part for path in arguments.configs for part in ("--config", str(path))]
        super().__init__(
            save_config_callback=None,
            auto_configure_optimizers=False,
            parser_class=Parser,
            parser_kwargs={"default_config_files": [str(current().defaults)], "usage": argparse.SUPPRESS},
            args=[*configs, *arguments.overrides],
            run=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add a key for each callback and each panel that the defaults name."""
        for key, kind in self._named_parts().items():
            parser.add_argument(f"--{key}", type=kind, default=None)

    @staticmethod
    def _named_parts() -> dict[str, Any]:
        defaults, kinds = tree(current().defaults), {"callbacks": Callback | None, "dashboard": Panel | None}
        return {f"{section}.{name}": kind for section, kind in kinds.items() for name in defaults[section]}

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and say in a line what does not."""
        try:
            self.config = parser.parse_args(args)
        except Exception as error:  # jsonargparse, too, meets what it does not expect
            raise self._refused(error) from error
        for key in ("trainer", "callbacks", "dashboard", "data"):
            if not isinstance(self.config.get(key), Namespace):
                raise UsageError(f"the settings have no {key}: {self.config.get(key)}")

    def _refused(self, error: Exception) -> UsageError:
        return UsageError(self._explain() or shortened(error))

    def _explain(self) -> str | None:
        top = {"seed_everything": bool | int, "model": LightningModule, "data": LightningDataModule}
        settings = Settings(top | self._named_parts())
        sources = [(str(path), tree(path)) for path in (current().defaults, *self.arguments.configs)]
        sources.append(("command line", overrides_as_tree(self.arguments.overrides)))
        found = next(filter(None, (settings.explain(*source) for source in sources)), None)
        if not found and self.arguments.configs and not any("model" in settings for _, settings in sources):
            found = "the settings have no model: a config names its class as `model: {class_path: ...}`"
        return found

    def _set_seed(self) -> None:
        try:
            super()._set_seed()
        except ValueError as error:
            raise UsageError(f"seed_everything: {error}") from error

    def before_instantiate_classes(self) -> None:
        """Fill in what settings leave to the data: sizes of networks, names of columns and classes."""
        self._adapt_to_other_data()
        places = [self.config.get(f"{key}.init_args") for key in ("data", "model", "model.init_args.network")]
        spaces = [place for place in places if isinstance(place, Namespace)]
        own = self.config.data.get("init_args", {})
        facts = getattr(self._data_class(), "facts", ())
        wanted = {name for name in facts if name in own or any(space.get(name, 0) is None for space in spaces)}
        if not wanted:
            return
        data = self._built_data()
        found = {name: getattr(data, name) for name in wanted}
        for space in spaces:
            for name in found.keys() & vars(space).keys():
                if space[name] is None or space is own:
                    space[name] = found[name]

    def _adapt_to_other_data(self) -> None:
        """Where a run is scored on other data than it was trained on, let the data class say what changes."""
        run, own = self.arguments.run, self.config.data.get("init_args", {})
        change = getattr(self._data_class(), "for_other_data", None)
        if self.arguments.command in ("test", "predict") and run is not None and change:
            for name, value in change(own, tree(run.config)["data"].get("init_args", {})).items():
                own[name] = value

    def _data_class(self) -> Any:
        module, _, name = self.config.data.class_path.rpartition(".")
        return getattr(importlib.import_module(module), name)

    def _built_data(self) -> Any:
        parser = ArgumentParser(exit_on_error=False)
        parser.add_subclass_arguments(LightningDataModule, "data")
        try:
            return parser.instantiate_classes(parser.parse_object({"data": self.config.data.as_dict()})).data
        except ValueError as error:
            raise self._refused(error) from error

    def instantiate_classes(self) -> None:
        """Build everything; what a constructor refuses is an error of usage."""
        try:
            with capacity.bounded(self.arguments.command == "fit"):
                super().instantiate_classes()
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise self._refused(error) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the Trainer with the callbacks and loggers that the settings name, and none of its own."""
        settings = self.config_init["trainer"]
        named = [callback for callback in vars(self.config_init["callbacks"]).values() if callback]
        panels = [panel for panel in vars(self.config_init["dashboard"]).values() if panel]
        callbacks = [*named, *([Dashboard(panels)] if panels else []), *(settings["callbacks"] or [])]
        settings["logger"] = (
            [TensorBoard(), MetricsFile()] if settings["logger"] is True else settings["logger"] or False
        )
        if settings["overfit_batches"]:
            raise UsageError("trainer.overfit_batches is not supported; --trainer.limit_train_batches trains on a few")
        for name, least in LEAST.items():
            if settings[name] is not None and settings[name] < least:
                raise UsageError(f"trainer.{name} must be at least {least}: {settings[name]}")
        for switch, kind in {
            "enable_checkpointing": Checkpoint,
            "enable_progress_bar": ProgressBar,
            "enable_model_summary": ModelSummary,
        }.items():
            if settings[switch] is False:
                callbacks = [callback for callback in callbacks if not isinstance(callback, kind)]
            elif settings[switch] is None:  # Lightning would add one of its own
                settings[switch] = any(isinstance(callback, kind) for callback in callbacks)
        if not settings["logger"]:  # which is where learning rates would go
            callbacks = [callback for callback in callbacks if not isinstance(callback, LearningRateMonitor)]
        settings["callbacks"] = callbacks
        return super().instantiate_trainer(**kwargs)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that runs, as config.yaml has it."""
        settings: dict[str, Any] = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        settings.pop("config", None)
        return settings


def callbacks(trainer: Trainer) -> list[Callback]:
    """Return the callbacks of a trainer, in the order in which they are called."""
    found: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set at run time
    return found
