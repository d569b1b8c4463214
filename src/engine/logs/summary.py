"""Summary of the network: its layers, their parameters and output shapes, printed before training."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelSummary
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torchmetrics import Metric, MetricCollection

from engine import console
from engine.errors import check_range
from engine.watcher import Watcher

ROWS = 25  # layers of a network that are listed one by one; a larger one is shown as a tree of two levels
MAX_ROWS = 60  # of that tree


class Summary(Watcher, ModelSummary):
    """Prints a table of layers before training.

    Output shapes, and from them the operations of a forward pass, are noted in the trial batches that come before the
    first step. The network is never run for the summary: that could change random numbers or a state of its layers.

    Args:
        max_depth: How deep nested modules are listed: 1 shows the outermost, -1 all, 0 switches the summary off; by
            default all of 25 layers or fewer, of more a tree of two levels with the parameters of each part.
    """

    def __init__(self, max_depth: int | None = None) -> None:
        super().__init__()
        check_range("max_depth", max_depth or 0, -1)
        self.max_depth = max_depth
        self._shapes: dict[nn.Module, tuple[int, ...]] = {}
        self.operations: dict[nn.Module, int] = {}  # of a forward pass of one sample, without those of parts
        self._hooks = ExitStack()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note what the layers return until training starts; print nothing yet, the data may not fit the network."""
        if self.max_depth != 0 and trainer.is_global_zero:
            for layer in pl_module.modules():
                if not isinstance(layer, torch.jit.ScriptModule):
                    self._hooks.callback(layer.register_forward_hook(self.guarded(self._note)).remove)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the table."""
        self.close()
        if self.max_depth != 0 and trainer.is_global_zero:
            self._print(pl_module)
        self._shapes = {}

    def close(self) -> None:
        """Remove the hooks."""
        self._hooks.close()

    def _note(self, layer: nn.Module, inputs: Any, output: Any) -> None:
        if torch.compiler.is_compiling():  # a compiled network is better off without
            return
        output = output[0] if isinstance(output, tuple) and output else output
        if isinstance(output, Tensor):
            source = inputs[0] if inputs and isinstance(inputs[0], Tensor) else output
            self._shapes[layer] = output.shape[1:]
            self.operations[layer] = operations(layer, source.shape, output.shape)

    def _print(self, task: nn.Module) -> None:
        every, total = list(layers(task)), self.total()
        count = console.count(parameters(task), "parameter")
        title = f"{count}, {parameters(task, trained=True):,} trained{total}"
        if self.max_depth is None and len(every) > ROWS:
            rows = [self._row(f"{'  ' * level}{name}", layer, parts) for level, name, layer, parts in tree(task)]
        else:
            shown = list(layers(task, -1 if self.max_depth is None else self.max_depth))
            rows = [self._row(name or type(task).__name__, layer, own(layer, shown)) for name, layer in shown]
        names = ["layer", "type", "weight", "output", "parameters", "FLOPs"]
        console.table(title, names if total else names[:-1], rows if total else [row[:-1] for row in rows])
        if len(rows) < len(every):
            console.say(f"(all {len(every)} layers: --callbacks.summary.max_depth -1)")

    def _row(self, name: str, layer: nn.Module, parts: Sequence[nn.Module]) -> list[Any]:
        weight, output = shape(layer).replace(" ", ""), "x".join(map(str, self._shapes.get(layer, ())))
        return [name, type(layer).__name__, weight, output, size(parts), self.flops(parts)]

    def total(self) -> str:
        """Return the operations of all layers as the end of a line, nothing where they are not known."""
        if not (total := sum(self.operations.values())):
            return ""
        thousands = (len(str(total)) - 1) // 3
        unit = ["", "k", "M", "G", "T", "P"][thousands]
        return f", {total / 1000**thousands:.3g} {unit}FLOPs in a forward pass of one sample"

    def flops(self, modules: Iterable[nn.Module]) -> int:
        """Return the operations of some modules in a forward pass of one sample."""
        return sum(self.operations.get(module, 0) for module in modules)


def own(layer: nn.Module, shown: Sequence[tuple[str, nn.Module]]) -> list[nn.Module]:
    """Return a layer and its parts, without the parts that are shown themselves."""
    parts = {module for _, module in shown} & (set(layer.modules()) - {layer})
    elsewhere = {module for part in parts for module in part.modules()}
    return [module for module in layer.modules() if module not in elsewhere]


def tree(task: nn.Module) -> Iterator[tuple[int, str, nn.Module, list[nn.Module]]]:
    """Yield level, name, module and modules to count of a network's parts and of the parts of these.

    One level where two have too many; the first row is that of parameters that belong to no part.
    """
    parts = children(task)
    if list(task.parameters(recurse=False)):
        yield 0, type(task).__name__, task, own(task, parts)
    deep = len(parts) + sum(len(children(part)) for _, part in parts) <= MAX_ROWS
    for name, part in parts:
        yield 0, name, part, list(part.modules())
        for inner, module in children(part) if deep else ():
            yield 1, inner, module, list(module.modules())


def children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the parts of a module by name, without metrics."""
    return [part for part in module.named_children() if not isinstance(part[1], Metric | MetricCollection)]


def layers(module: nn.Module, depth: int = -1, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield modules by name: the innermost, or those of a depth in their place, and all that own parameters."""
    parts = children(module)
    if prefix and (depth == 0 or not parts):
        yield prefix, module
        return
    if list(module.parameters(recurse=False)):
        yield prefix, module
    for name, child in parts:
        yield from layers(child, depth - 1, f"{prefix}.{name}" if prefix else name)


def shape(layer: nn.Module) -> str:
    """Return the size of a layer's first parameter, "16 x 2" for a linear layer from 2 to 16 units."""
    first = next(layer.parameters(recurse=False), None)
    if first is None:
        return ""
    return "?" if is_lazy(first) else " x ".join(map(str, first.shape))


def parameters(module: nn.Module, trained: bool = False) -> int:
    """Return the number of parameters, without those of lazy layers that have seen no data."""
    return sum(p.numel() for p in module.parameters() if not is_lazy(p) and (p.requires_grad or not trained))


def size(modules: Iterable[nn.Module]) -> int:
    """Return the number of parameters that some modules have themselves."""
    return sum(p.numel() for module in modules for p in module.parameters(recurse=False) if not is_lazy(p))


def operations(layer: nn.Module, inputs: Sequence[int], outputs: Sequence[int]) -> int:
    """Return the multiplications and additions of a layer for one sample: two for each use of a weight.

    Counted are linear, convolutional and recurrent layers and the projections of attention, as
    torch.utils.flop_counter does, but from shapes alone: (B, ..., features) or (B, channels, ...).
    """
    if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
        return 0
    named = layer.named_parameters(recurse=False)  # a class of linear layers may have matrices that multiply nothing
    matrices = [p for name, p in named if name == "weight" or not isinstance(layer, nn.Linear)]
    weights = sum(p.numel() for p in matrices if p.ndim > 1 and not is_lazy(p))
    transposed = getattr(layer, "transposed", None)  # of a convolution
    places = outputs[1:-1] if transposed is None else inputs[2:] if transposed else outputs[2:]
    return 2 * weights * math.prod(places)
