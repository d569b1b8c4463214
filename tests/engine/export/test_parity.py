from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torchmetrics import MetricCollection

from engine.errors import CommandError, UsageError
from engine.export.parity import Differences, Parity
from engine.export.surface import Surface
from engine.task import SupervisedTask


class Line(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(2, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.net(inputs)
        return outputs


class Sigmoid(SupervisedTask):
    def predictions(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.mean()

    def columns(self, *_: Any) -> Any:
        raise NotImplementedError


class Logit(Sigmoid):
    def outputs_of(self, exported: Tensor) -> Tensor:
        return exported.logit()


def parity(run: Any, module: LightningModule, batches: list[Tensor]) -> Parity:
    """Return what is found while a step calls the module on batches."""
    found = Parity(Surface(module), run, batches[0])
    with found.surface.replaced(found.call), torch.no_grad():
        for batch in batches:
            found.on_test_batch_start()
            module(batch)
            found.on_test_batch_end(None, module, None, [batch])  # type: ignore[arg-type]
    return found


def test_numbers_differ_in_standard_deviations_of_the_prediction() -> None:
    expected = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0)).double()
    expected = expected * torch.tensor([100.0, 0.01]) + torch.tensor([1e4, 0.0])
    found = expected.clone()
    found[17, 1] += 0.001
    differences = Differences(labels=False)
    for start in range(0, 1000, 300):
        differences.add(expected[start : start + 300], found[start : start + 300])
    assert differences.samples == 1000
    assert differences.largest == pytest.approx(0.001 / expected[:, 1].std(unbiased=False).item())
    assert differences.in_units == pytest.approx(0.001)
    assert differences.mean == pytest.approx(differences.largest / 2000)
    assert differences.worst == "sample 17 in a batch of 300"


def test_constant_predictions_differ_by_their_size() -> None:
    differences = Differences(labels=False)
    differences.add(torch.full((5, 1), 50.0), torch.full((5, 1), 51.0))
    assert differences.largest == pytest.approx(0.02)


@pytest.mark.parametrize("odd", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_on_one_side_is_infinitely_apart(odd: float) -> None:
    for pair in ((1.0, odd), (odd, 1.0)):
        differences = Differences(labels=True)
        differences.add(*(torch.tensor([[value, 0.0]]) for value in pair))
        assert differences.largest == torch.inf
    differences.add(torch.tensor([[odd, 0.0]]), torch.tensor([[odd, 0.0]]))
    assert Differences(labels=True).largest == 0


def test_labels_that_flip_are_counted_with_the_margin_of_the_network() -> None:
    differences = Differences(labels=True)
    expected = torch.tensor([[0.5, 0.49999, 0.00001], [0.2, 0.7, 0.1]])
    differences.add(expected, torch.tensor([[0.49999, 0.5, 0.00001], [0.2, 0.7, 0.1]]))
    assert differences.disagreements == 1
    assert differences.margin == pytest.approx(1e-5, rel=0.01)


def test_outputs_of_another_shape_are_refused() -> None:
    with pytest.raises(CommandError, match=r"\(3, 1\) where the network gives \(5, 1\)"):
        Differences(labels=False).add(torch.zeros(5, 1), torch.zeros(3, 1))


def test_each_sample_is_compared_alone_in_pairs_in_sevens_and_in_the_batches_of_the_loader() -> None:
    module, given = Line(), list[int]()

    def run(inputs: np.ndarray) -> np.ndarray:
        given.append(len(inputs))
        with torch.no_grad():
            return module.net(torch.from_numpy(inputs)).numpy()  # type: ignore[no-any-return]

    found = parity(run, module, [torch.randn(30, 2), torch.randn(11, 2)])
    assert found.differences.samples == 41
    assert found.sizes == {1, 2, 7, 30, 11}
    assert {size: given.count(size) for size in (1, 2, 7, 30, 11)} == {1: 41, 2: 20, 7: 5, 30: 1, 11: 1}
    assert found.in_place
    found.check(1e-4, "test")


def test_a_difference_in_pairs_alone_is_found() -> None:
    module = Line()

    def run(inputs: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            outputs: np.ndarray = module.net(torch.from_numpy(inputs)).numpy()
        return outputs + (len(inputs) == 2)

    found = parity(run, module, [torch.randn(30, 2)])
    with pytest.raises(CommandError, match=r"in a batch of 2 of the test split: the tolerance is 0\.0001"):
        found.check(1e-4, "test")


def test_steps_see_what_the_exported_model_gives() -> None:
    module, seen = Line(), list[Tensor]()
    found = Parity(Surface(module), lambda inputs: np.full((len(inputs), 1), 42.0, np.float32), torch.zeros(3, 2))
    with found.surface.replaced(found.call):
        found.on_test_batch_start()
        seen.append(module(torch.randn(4, 2)))
    assert seen[0].tolist() == [[42.0]] * 4
    assert module(torch.zeros(1, 2)).item() != 42  # no longer


def test_a_label_that_flips_by_more_than_the_tolerance_is_no_rounding() -> None:
    found = Parity(Surface(Line()), lambda inputs: inputs, torch.zeros(3, 2))
    found.differences = Differences(labels=True)
    found.differences.add(torch.tensor([[0.50006, 0.49994]]), torch.tensor([[0.49999, 0.50001]]))
    assert found.differences.largest < 1e-4
    with pytest.raises(CommandError, match=r"gives another label, by a margin of 0\.00012"):
        found.check(1e-4, "test")


def test_samples_of_another_kind_are_refused() -> None:
    with pytest.raises(UsageError, match=r"several kinds: \(2,\) of torch.float32 and \(3,\)"):
        parity(lambda inputs: inputs[:, :1], Line(), [torch.randn(3, 2), torch.randn(3, 3)])


def test_a_task_with_predictions_of_its_own_and_no_inverse_keeps_its_outputs() -> None:
    given: dict[str, Any] = {"network": nn.Linear(2, 1), "optimizer": torch.optim.SGD, "metrics": MetricCollection({})}
    inputs, elsewhere = torch.randn(4, 2), np.full((4, 1), 0.25, np.float32)
    for task, in_place in ((Sigmoid(**given), False), (Logit(**given), True)):
        found = Parity(Surface(task), lambda _: elsewhere, inputs)
        assert found.in_place is in_place
        with found.surface.replaced(found.call), torch.no_grad():
            outputs, predictions = task.outputs(inputs), task(inputs)
        expected = torch.full((4, 1), 0.25) if in_place else task.network(inputs).sigmoid()
        assert torch.allclose(outputs.sigmoid(), expected)
        assert torch.allclose(predictions, expected)
