"""LightningCLI, and what belongs to the settings of this project."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelSummary, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from app.arguments import Arguments
from app.errors import UsageError
from app.parser import Parser

DEFAULTS = Path(str(resources.files("app"))) / "defaults.yaml"


class CommandLine(LightningCLI):
    """Parses settings and builds task, data and Trainer from them; what to run is chosen elsewhere.

    Args:
        arguments: Where the settings come from: configs, later ones over earlier ones, and overrides over all.
    """

    def __init__(self, arguments: Arguments) -> None:
        """Parse and build."""
        configs = [part for path in arguments.configs for part in ("--config", str(path))]
        super().__init__(
            save_config_callback=None,
            auto_configure_optimizers=False,
            parser_class=Parser,
            parser_kwargs={"default_config_files": [str(DEFAULTS)]},
            args=[*configs, *arguments.overrides],
            run=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add a key for each callback that the defaults name."""
        for name in yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["callbacks"]:
            parser.add_argument(f"--callbacks.{name}", type=Callback | None, default=None)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:  # noqa: ANN401  # as the base has it
        """Parse without the base's warning that sys.argv says something else: it does."""
        self.config = parser.parse_args(args)

    def instantiate_classes(self) -> None:
        """Build everything; what a constructor refuses is an error of usage."""
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise UsageError(str(error)) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401  # as the base has it
        """Build the Trainer with the callbacks and loggers that the settings name, and none of its own."""
        settings = self.config_init["trainer"]
        named = [callback for callback in vars(self.config_init["callbacks"]).values() if callback]
        settings["callbacks"] = callbacks = [*named, *(settings["callbacks"] or [])]
        settings["logger"] = settings["logger"] or False
        for switch, kind in {
            "enable_checkpointing": Checkpoint,
            "enable_progress_bar": ProgressBar,
            "enable_model_summary": ModelSummary,
        }.items():
            settings[switch] = any(isinstance(callback, kind) for callback in callbacks)
        return super().instantiate_trainer(**kwargs)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that runs, as config.yaml has it."""
        settings: dict[str, Any] = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        settings.pop("config", None)
        return settings
