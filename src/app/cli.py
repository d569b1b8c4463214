"""LightningCLI, and what belongs to the settings of this project."""

import argparse
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelSummary, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from app.arguments import Arguments
from app.errors import UsageError
from app.explain import Settings, overrides_as_tree
from app.parser import Parser, shortened
from app.settings import tree

DEFAULTS = Path(str(resources.files("app"))) / "defaults.yaml"


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
            parser_kwargs={"default_config_files": [str(DEFAULTS)], "usage": argparse.SUPPRESS},
            args=[*configs, *arguments.overrides],
            run=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add a key for each callback that the defaults name."""
        for key in self._callback_keys():
            parser.add_argument(f"--{key}", type=Callback | None, default=None)

    @staticmethod
    def _callback_keys() -> list[str]:
        return [f"callbacks.{name}" for name in tree(DEFAULTS)["callbacks"]]

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:  # noqa: ANN401  # as the base has it
        """Parse, and say in a line what does not."""
        try:
            self.config = parser.parse_args(args)
        except UsageError as error:
            raise UsageError(self._explain() or shortened(error)) from error
        if not self.config.get("data"):
            raise UsageError("the settings have no data: a config names its class as `data: {class_path: ...}`")

    def _explain(self) -> str | None:
        if "model" not in {key.split(".")[0] for path in self.arguments.configs for key in tree(path)}:
            return "the settings have no model: a config names its class as `model: {class_path: ...}`"
        top = {"seed_everything": bool | int, "model": LightningModule, "data": LightningDataModule}
        settings = Settings(top | dict.fromkeys(self._callback_keys(), Callback | None))
        sources = [(str(path), tree(path)) for path in (DEFAULTS, *self.arguments.configs)]
        sources.append(("command line", overrides_as_tree(self.arguments.overrides)))
        return next(filter(None, (settings.explain(*source) for source in sources)), None)

    def instantiate_classes(self) -> None:
        """Build everything; what a constructor refuses is an error of usage."""
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise UsageError(shortened(error)) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401  # as the base has it
        """Build the Trainer with the callbacks and loggers that the settings name, and none of its own."""
        settings = self.config_init["trainer"]
        named = [callback for callback in vars(self.config_init["callbacks"]).values() if callback]
        callbacks = [*named, *(settings["callbacks"] or [])]
        settings["logger"] = settings["logger"] or False
        for switch, kind in {
            "enable_checkpointing": Checkpoint,
            "enable_progress_bar": ProgressBar,
            "enable_model_summary": ModelSummary,
        }.items():
            if settings[switch] is False:
                callbacks = [callback for callback in callbacks if not isinstance(callback, kind)]
            elif settings[switch] is None:  # Lightning would add one of its own
                settings[switch] = any(isinstance(callback, kind) for callback in callbacks)
        settings["callbacks"] = callbacks
        return super().instantiate_trainer(**kwargs)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that runs, as config.yaml has it."""
        settings: dict[str, Any] = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        settings.pop("config", None)
        return settings


def callbacks(trainer: Trainer) -> list[Callback]:
    """Return the callbacks of a trainer, in the order in which they are called."""
    found: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set at run time
    return found
