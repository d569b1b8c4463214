"""Minimization: the path of an optimizer, and where it ends."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from app.data.no_data import NoData
from app.functions import quartic, rosenbrock
from app.tasks import Minimization

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*is smaller than the logging interval", "ignore:.*treespec"
)
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": partial(torch.optim.SGD, lr=1e-4),
    "momentum": partial(torch.optim.SGD, lr=1e-4, momentum=0.9),
    "nesterov": partial(torch.optim.SGD, lr=1e-4, momentum=0.9, nesterov=True),
    "adam": partial(torch.optim.Adam, lr=0.1),
    "rmsprop": partial(torch.optim.RMSprop, lr=0.01),
    "adagrad": partial(torch.optim.Adagrad, lr=0.5),
    "lbfgs": partial(torch.optim.LBFGS, lr=0.5, max_iter=2),
}


class Record(Callback):
    """Keeps the variables after each step."""

    def __init__(self) -> None:
        self.points: list[Tensor] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        self.points += [parameter.detach().clone() for parameter in pl_module.parameters()]


def by_hand(function: Callable[[Tensor], Tensor], start: list[float], optimizer: Any, steps: int) -> list[Tensor]:
    variables = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    made = optimizer([variables])
    for group in made.param_groups:  # as the project has it where PyTorch can
        group |= {"fused": True} if "fused" in group else {}

    def closure() -> Tensor:
        made.zero_grad()
        value = function(variables)
        value.backward()
        return value

    points = []
    for _ in range(steps):
        made.step(closure)
        points.append(variables.detach().clone())
    return points


@pytest.mark.parametrize("function", [(quartic, [5.0]), (rosenbrock, [-1.5, 2.0])], ids=["quartic", "rosenbrock"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_path_is_that_of_a_plain_loop_to_the_last_bit(
    name: str, function: tuple[Callable[[Tensor], Tensor], list[float]], tmp_path: Path
) -> None:
    record = Record()
    task = Minimization(*function, tolerance=0, optimizer=OPTIMIZERS[name])
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=30,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=[record],
    )
    trainer.fit(task, datamodule=NoData())
    expected = by_hand(*function, OPTIMIZERS[name], 30)
    assert len(record.points) == 30
    assert all(torch.equal(found, wanted) for found, wanted in zip(record.points, expected, strict=True))
    assert not torch.equal(expected[0], expected[-1])


def test_variables_have_names_and_a_point_has_its_gradient() -> None:
    for start, names in (([1.0], ["x"]), ([1.0, 2.0], ["x", "y"]), ([1.0, 2.0, 3.0], ["x1", "x2", "x3"])):
        task = Minimization(lambda variables: variables.square().sum(-1), start, optimizer=OPTIMIZERS["sgd"])
        point = task.point()
        assert list(point) == [*names, "gradient"]
        assert [point[name].item() for name in names] == start
        assert point["gradient"].item() == pytest.approx(2 * sum(x * x for x in start) ** 0.5)


def test_a_start_without_variables_is_refused() -> None:
    with pytest.raises(ValueError, match="start needs a number"):
        Minimization(quartic, [], optimizer=OPTIMIZERS["sgd"])
