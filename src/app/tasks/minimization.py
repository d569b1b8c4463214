"""Minimization: the steps of an optimizer on a function of a few variables, without a network to learn."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from engine import Columns, SupervisedTask, check_range


class Minimization(SupervisedTask):
    """Minimizes a function: the loss is its value, and the weights are the variables, in double precision.

    The point before each step is logged as `train/x` and `train/y` (`train/x1`... of more than two variables), its
    value as `train/loss`, and the norm of the gradient there as `train/gradient`.

    Args:
        function: Maps variables (..., n) to values (...), as those in app.functions do.
        start: Where the variables begin.
        tolerance: Norm of the gradient below which the training stops; 0 for never.

    Raises:
        ValueError: If there are no variables, or the tolerance is negative.
    """

    network: "Variables"
    steps: Tensor

    def __init__(
        self, function: Callable[[Tensor], Tensor], start: Sequence[float], tolerance: float = 1e-5, **kwargs: Any
    ) -> None:
        if not start:
            raise ValueError("start needs a number for each variable")
        check_range("tolerance", tolerance, 0)
        super().__init__(network=Variables(function, start), metrics=MetricCollection({}), **kwargs)
        self.start = tuple(start)
        self.tolerance = tolerance
        self.register_buffer("steps", torch.tensor(0))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the value of the function, a scalar."""
        return outputs

    def on_train_epoch_start(self) -> None:
        """Keep the point before the step."""
        super().on_train_epoch_start()
        self._before = self.point()

    def on_train_epoch_end(self) -> None:
        """Log the point before the step; stop where the function is flat."""
        super().on_train_epoch_end()
        self.log_dict({f"train/{name}": value for name, value in self._before.items()})
        self.steps.fill_(self.global_step)
        if self.point()["gradient"] < self.tolerance:
            self.trainer.should_stop = True

    def on_train_end(self) -> None:
        """Log the last point too, where no step begins: a path ends there."""
        end = {"loss": self.network(torch.zeros(0)).detach(), **self.point()}
        for logger in self.loggers:
            logger.log_metrics({f"train/{name}": value.item() for name, value in end.items()}, self.global_step)

    def on_test_epoch_end(self) -> None:
        """Log the point that was reached, and after how many steps, if the function is flat there."""
        found = self.point()
        if found["gradient"] < self.tolerance:
            found["steps"] = self.steps.double()
        self.log_dict({f"test/{name}": value for name, value in found.items()})

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return one row: the variables, the value and the norm of the gradient."""
        point = self.point()
        gradient = point.pop("gradient")
        columns = {**point, "value": self(inputs).detach(), "gradient": gradient}
        return {name: value.reshape(1) for name, value in columns.items()}

    def point(self) -> dict[str, Tensor]:
        """Return the variables and the norm of the gradient by name."""
        variables = self.network.variables
        with torch.enable_grad(), torch.inference_mode(False):
            here = variables.detach().clone().requires_grad_()
            (gradient,) = torch.autograd.grad(self.network.function(here), here)
        names = self.names
        return dict(zip(names, variables.detach().clone(), strict=True)) | {"gradient": gradient.norm()}

    @property
    def names(self) -> list[str]:
        """Names of the variables: x, or x and y, or x1, x2, x3..."""
        count = len(self.start)
        return ["x", "y"][:count] if count < 3 else [f"x{number}" for number in range(1, count + 1)]


class Variables(nn.Module):
    """The variables of a function as weights (n,); what it returns is the function's value, whatever the input.

    Args:
        function: Maps variables (..., n) to values (...).
        start: Where the variables begin.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], start: Sequence[float]) -> None:
        super().__init__()
        self.function = function
        self.variables = nn.Parameter(torch.tensor(start, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the value, a scalar."""
        return self.function(self.variables)
