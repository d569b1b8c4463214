"""Shows the network before it trains."""

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelSummary
from torch import nn

from engine import console


class Summary(ModelSummary):
    """Prints the layers that have parameters, and how many."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave out what ModelSummary prints here: the data may still not fit the network."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the table."""
        if trainer.is_global_zero:
            rows = [
                [name, type(layer).__name__, shape(layer), parameters(layer)]
                for name, layer in learning_layers(pl_module)
            ]
            trained = sum(p.numel() for p in pl_module.parameters() if p.requires_grad)
            console.table(
                f"{parameters(pl_module):,} parameters, {trained:,} trained",
                ["layer", "type", "weight", "parameters"],
                rows,
            )


def learning_layers(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the innermost modules that own parameters, by name."""
    return [(name, layer) for name, layer in module.named_modules() if list(layer.parameters(recurse=False))]


def shape(layer: nn.Module) -> str:
    """Return the size of a layer's first parameter, "16 x 2" for a linear layer from 2 to 16 units."""
    return " x ".join(map(str, next(layer.parameters(recurse=False)).shape))


def parameters(module: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())
