"""How parameters, gradients and activations are spread."""

from contextlib import ExitStack

from torch import Tensor, nn

from engine.dashboard.observe import outputs_of
from engine.dashboard.panel import Board, Panel
from engine.errors import UsageError, nearest

BINS = 64
VALUES = 10_000  # of each layer's activations: enough for a histogram, and no more than a millisecond


class Histograms(Panel):
    """Histograms of each parameter and its gradient, and of the activations of layers, at the end of epochs.

    Args:
        every_n_epochs: How often; by default ten times in a run.
        layers: Layers of the network whose outputs are shown, by name; by default the innermost. Those of a compiled
            network cannot be seen.
    """

    def __init__(self, every_n_epochs: int | None = None, layers: list[str] | None = None) -> None:
        """Store the choice."""
        super().__init__(every_n_epochs, draws=10)
        self.layers = layers
        self._hooks = ExitStack()
        self._activations: dict[str, Tensor] = {}

    def suits(self, board: Board) -> bool:
        """Say whether there is a TensorBoard to write to."""
        return board.writer is not None

    def watches(self, board: Board) -> bool:
        """Watch the last step of an epoch that is due."""
        return board.trainer.is_last_batch and self.due(board)

    def before_step(self, board: Board) -> None:
        """Listen to the layers."""
        self._activations = self._hooks.enter_context(outputs_of(self._chosen(board.task)))

    def gradients(self, board: Board) -> None:
        """Log parameters and gradients."""
        assert board.writer is not None
        for name, parameter in board.task.named_parameters():
            board.writer.add_histogram(f"parameters/{name}", parameter.detach(), board.step, BINS)
            if parameter.grad is not None:
                board.writer.add_histogram(f"gradients/{name}", parameter.grad, board.step, BINS)

    def after_step(self, board: Board, loss: Tensor) -> None:
        """Log what the layers returned, and stop listening."""
        assert board.writer is not None
        self._hooks.close()
        for name, values in self._activations.items():
            values = values.flatten()
            board.writer.add_histogram(f"activations/{name}", values[:: 1 + len(values) // VALUES], board.step, BINS)
        self._activations = {}

    def _chosen(self, task: nn.Module) -> list[tuple[str, nn.Module]]:
        network = getattr(task, "network", task)
        if getattr(network, "_compiled_call_impl", None) is not None:
            return []
        layers = dict(network.named_modules())
        if self.layers is None:
            return [
                (name or type(layer).__name__, layer) for name, layer in layers.items() if not list(layer.children())
            ]
        return [(name, find(layers, name)) for name in self.layers]


def find(layers: dict[str, nn.Module], name: str) -> nn.Module:
    """Return a layer by name.

    Raises:
        UsageError: If there is none, naming the nearest.
    """
    if name not in layers:
        raise UsageError(f"the network has no layer {name}{nearest(name, layers)} ({', '.join(filter(None, layers))})")
    return layers[name]
