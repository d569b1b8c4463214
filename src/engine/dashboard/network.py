"""The network: how it is built, and what it sees."""

import warnings

import torch
from torch import Tensor, nn

from engine.dashboard.histograms import find
from engine.dashboard.observe import outputs_of, undisturbed
from engine.dashboard.panel import Board, Panel
from engine.dashboard.pictures import feature_maps
from engine.logs.summary import learning_layers, parameters, shape


class Graph(Panel):
    """The network's operations in the tab Graphs, and its layers and their sizes as a text."""

    def suits(self, board: Board) -> bool:
        """Say whether there is a TensorBoard to write to."""
        return board.writer is not None

    def begin(self, board: Board, inputs: Tensor, targets: Tensor) -> None:
        """Trace the network on one sample."""
        layers = [
            f"| {name} | {type(layer).__name__} | {shape(layer)} | {parameters(layer):,} |"
            for name, layer in learning_layers(board.task)
        ]
        total = f"\n\n{parameters(board.task):,} parameters"
        board.text(
            "network", "\n".join(["| layer | type | weight | parameters |", "| - | - | - | - |", *layers]) + total
        )
        with undisturbed(board.task), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing warns of branches; the graph is for the eye
            self._trace(board, inputs[:1])

    @staticmethod
    def _trace(board: Board, inputs: Tensor) -> None:
        assert board.writer is not None
        seen: list[Tensor] = []
        network = getattr(board.task, "network", None)
        if not isinstance(network, nn.Module):
            return
        handle = network.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
        board.task(inputs)
        handle.remove()
        # Traced here, for add_graph would do so four times to compare the results.
        board.writer.add_graph(torch.jit.trace(network, seen[0], check_trace=False), seen[0])


class FeatureMaps(Panel):
    """What convolutions make of the first image that is evaluated.

    Args:
        every_n_epochs: How often; by default three times in a run.
        layers: Layers of the network, by name; by default its first, its middle and its last convolution.
        channels: How many channels of each are shown.
    """

    def __init__(self, every_n_epochs: int | None = None, layers: list[str] | None = None, channels: int = 6) -> None:
        """Store the choice."""
        super().__init__(every_n_epochs, draws=3)
        self.layers = layers
        self.channels = channels
        self._image: Tensor | None = None

    def suits(self, board: Board) -> bool:
        """Say whether the network has convolutions."""
        return any(isinstance(layer, nn.Conv2d) for layer in board.task.modules())

    def update(self, board: Board, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the first image."""
        if self._image is None:
            self._image = inputs[:1]

    def draw(self, board: Board) -> None:
        """Show what each layer returns for it."""
        image, self._image = self._image, None
        if image is None:
            return
        if getattr(getattr(board.task, "network", None), "_compiled_call_impl", None) is not None:
            return  # calls no hooks
        with undisturbed(board.task), outputs_of(self._chosen(board.task)) as found:
            board.task(image)
        if found:
            maps = {name: maps[0].float().cpu().numpy() for name, maps in found.items()}
            title = board.title("Feature maps")
            board.figure("feature_maps", feature_maps(image[0].cpu().numpy(), maps, title, self.channels))

    def _chosen(self, task: nn.Module) -> list[tuple[str, nn.Module]]:
        network = getattr(task, "network", task)
        layers = dict(network.named_modules())
        if self.layers is not None:
            return [(name, find(layers, name)) for name in self.layers]
        convolutions = [(name, layer) for name, layer in layers.items() if isinstance(layer, nn.Conv2d)]
        places = dict.fromkeys([0, len(convolutions) // 2, len(convolutions) - 1])
        return [convolutions[place] for place in places]
