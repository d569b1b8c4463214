"""The network: its graph, its layers, and feature maps of its convolutions."""

import inspect
import warnings
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from engine.dashboard.batches import FirstBatchPanel
from engine.dashboard.observe import evaluating, named_layers, outputs_of
from engine.dashboard.panel import Panel
from engine.dashboard.pictures import feature_maps
from engine.logs.summary import Summary, layers, own, parameters, shape, size


class Graph(FirstBatchPanel):
    """The network's operations in the tab Graphs, and its layers and their sizes as a text."""

    def suits(self) -> bool:
        """Return whether there is a TensorBoard to write to."""
        return self.writer is not None and self.stage == "train"

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """List the layers, whatever a batch is."""
        if self._waiting:
            self.text("network", self._layers())
        super().on_train_batch_start(trainer, pl_module, batch, batch_idx)

    def _layers(self) -> str:
        """Return a table of all layers, with the operations that the summary has counted, if there is one."""
        callbacks = self.trainer.callbacks  # type: ignore[attr-defined]  # set at run time
        summary = next((each for each in callbacks if isinstance(each, Summary)), Summary())
        shown, total = list(layers(self.task)), summary.total()
        names = ["layer", "type", "weight", "parameters", *(["FLOPs"] if total else [])]
        lines = [names, ["-"] * len(names)]
        for name, layer in shown:
            parts = own(layer, shown)
            counts = [size(parts), *([summary.flops(parts)] if total else [])]
            lines.append([name, type(layer).__name__, shape(layer), *(f"{count:,}" for count in counts)])
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{table}\n\n{parameters(self.task):,} parameters{total}"

    def first_batch(self, inputs: Tensor, targets: Tensor) -> None:
        """Trace the network on one sample."""
        with evaluating(self.task), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing warns of branches; the graph is for the eye
            self._trace(inputs[:1])

    def _trace(self, inputs: Tensor) -> None:
        network = getattr(self.task, "network", None)
        if self.writer is None or not isinstance(network, nn.Module) or not takes_one(self.task):
            return
        seen: list[Tensor] = []
        handle = network.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
        self.task(inputs)
        handle.remove()
        # Traced here, for add_graph would do so four times to compare the results.
        self.writer.add_graph(torch.jit.trace(network, seen[0], check_trace=False), seen[0])


def takes_one(module: nn.Module) -> bool:
    """Return whether a module maps one input."""
    try:
        inspect.signature(module.forward).bind(None)
    except TypeError:
        return False
    return True


class FeatureMaps(Panel):
    """What convolutions make of the first image that is evaluated; each map has a scale of its own.

    Args:
        every_n_epochs: How often; by default three times in a run.
        layers: Layers of the network, by name; by default its first, its middle and its last convolution.
        channels: How many channels of each are shown.
    """

    draws = 3

    def __init__(self, every_n_epochs: int | None = None, layers: list[str] | None = None, channels: int = 6) -> None:
        super().__init__(every_n_epochs)
        self.layers = layers
        self.channels = channels
        self._image: Tensor | None = None

    def suits(self) -> bool:
        """Return whether the network has convolutions."""
        return any(isinstance(layer, nn.Conv2d) for layer in self.task.modules())

    def update(self, inputs: Tensor, targets: Tensor, predictions: Tensor) -> None:
        """Keep the first image."""
        if self._image is None:
            self._image = inputs[:1]

    def draw(self) -> None:
        """Draw what each layer returns for it."""
        image, self._image = self._image, None
        layers = named_layers(self.task, self.layers)
        if self.layers is None:
            convolutions = [(name, layer) for name, layer in layers.items() if isinstance(layer, nn.Conv2d)]
            places = dict.fromkeys([0, len(convolutions) // 2, len(convolutions) - 1]) if convolutions else ()
            layers = dict(convolutions[place] for place in places)
        if image is None or not layers:
            return
        with evaluating(self.task), outputs_of(list(layers.items())) as found:
            self.task(image)
        maps = {name: maps[0].float().cpu().numpy() for name, maps in found.items()}
        title = self.title("Feature maps, each from its min (black) to its max (white)")
        self.figure("feature_maps", feature_maps(image[0].float().cpu().numpy(), maps, title, self.channels))
