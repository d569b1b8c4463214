"""Histograms of parameters, gradients and activations."""

from contextlib import ExitStack
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from engine.dashboard.observe import named_layers, outputs_of
from engine.dashboard.panel import Panel

BINS = 64
VALUES = 10_000  # of each layer's activations: enough for a histogram, and no more than a millisecond


class Histograms(Panel):
    """Histograms of each parameter and its gradient, and of the activations of layers, at the end of epochs.

    Args:
        every_n_epochs: How often; by default ten times in a run.
        layers: Layers of the network whose outputs are shown, by name; by default the innermost. Those of a compiled
            network cannot be seen.
    """

    draws = 10

    def __init__(self, every_n_epochs: int | None = None, layers: list[str] | None = None) -> None:
        super().__init__(every_n_epochs)
        self.layers = layers
        self._watching = False
        self._hooks = ExitStack()
        self._activations: dict[str, Tensor] = {}

    def suits(self) -> bool:
        """Return whether there is a TensorBoard to write to."""
        return self.writer is not None and self.stage == "train"

    def close(self) -> None:
        """Remove the hooks of the layers."""
        self._hooks.close()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Collect what the layers return in the last step of an epoch that is due."""
        if trainer.is_last_batch and self.shown and self.due():
            self._watching = True
            layers = named_layers(pl_module, self.layers)
            if self.layers is None:
                layers = {
                    name or type(layer).__name__: layer for name, layer in layers.items() if not list(layer.children())
                }
            self._activations = self._hooks.enter_context(outputs_of(list(layers.items())))

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Log parameters and gradients, before these are clipped."""
        if self._watching:
            for name, parameter in pl_module.named_parameters():
                self._log(f"parameters/{name}", parameter.detach())
                if (gradient := parameter.grad) is not None:
                    self._log(f"gradients/{name}", gradient.to_dense() if gradient.is_sparse else gradient)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log what the layers returned."""
        if self._watching:
            self._watching = False
            self._hooks.close()
            for name, values in self._activations.items():
                values = values.flatten()
                self._log(f"activations/{name}", values[:: 1 + len(values) // VALUES])
            self._activations = {}

    def _log(self, name: str, values: Tensor) -> None:
        assert self.writer is not None
        self.writer.add_histogram(name, values, self.step, BINS)
