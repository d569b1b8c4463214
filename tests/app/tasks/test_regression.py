from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer
from support import BRIEF, PRODUCT, main, read_csv
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from app.networks import MLP
from app.tasks import Regression

ADAM = partial(torch.optim.Adam, lr=1e-3)


def task(network: nn.Module) -> Regression:
    return Regression(network, ADAM)


def test_the_loss_is_the_mean_squared_error_of_standardized_targets() -> None:
    inputs = torch.tensor([[1.0], [3.0]])  # mean 2, deviation 1: standardized -1 and 1
    targets = torch.tensor([[10.0], [30.0]])  # mean 20, deviation 10: standardized -1 and 1
    regression = task(nn.Identity())
    regression.fit_statistics(TensorDataset(inputs, targets))
    assert regression.loss(regression.outputs(inputs), targets).item() == 0
    assert regression.loss(torch.zeros(2, 1), targets).item() == pytest.approx(1)
    assert regression.loss(torch.tensor([[0.0], [1.0]]), targets).item() == pytest.approx(0.5)


def test_raw_inputs_give_raw_predictions() -> None:
    inputs, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([[10.0], [30.0]])
    regression = task(nn.Identity())
    regression.fit_statistics(TensorDataset(inputs, targets))
    torch.testing.assert_close(regression(torch.tensor([[2.0], [4.0]])), torch.tensor([[20.0], [40.0]]))


def test_statistics_are_fitted_once() -> None:
    regression = task(nn.Identity())
    regression.fit_statistics(TensorDataset(torch.randn(9, 1), torch.randn(9, 1)))
    mean = regression.inputs.mean.clone()
    regression.fit_statistics(TensorDataset(torch.randn(9, 1) + 5, torch.randn(9, 1)))
    assert torch.equal(regression.inputs.mean, mean)


def test_targets_of_another_shape_are_refused_instead_of_broadcast() -> None:
    with pytest.raises(ValueError, match=r"targets \(B, targets\): \(4,\)"):
        task(nn.Identity()).loss(torch.zeros(4, 1), torch.zeros(4))
    with pytest.raises(ValueError, match=r"outputs \(4, 2\) for targets \(4, 1\)"):
        task(nn.Identity()).loss(torch.zeros(4, 2), torch.zeros(4, 1))


def several() -> tuple[Regression, torch.Tensor]:
    torch.manual_seed(0)
    targets = torch.randn(50, 2) * torch.tensor([1.0, 1000.0]) + torch.tensor([0.0, 5000.0])
    regression = task(nn.Identity())
    regression.fit_statistics(TensorDataset(targets, targets))
    return regression, targets


def test_several_targets_weigh_the_same_in_the_loss_whatever_their_units() -> None:
    regression, targets = several()
    zeros = torch.zeros_like(targets)
    assert regression.loss(zeros, targets).item() == pytest.approx(1)
    assert regression.constant_loss(targets) == pytest.approx(1)
    assert regression.constant_loss(targets + torch.tensor([9.0, 0.0])) == pytest.approx(1)  # around each mean
    torch.testing.assert_close(regression(targets), targets)


def test_each_of_several_targets_has_its_columns() -> None:
    regression, targets = several()
    columns = regression.columns(targets[:4] + torch.tensor([0.5, 2.0]), targets[:4], None)
    assert list(columns) == ["x1", "x2", *(f"{what}_{n}" for n in "01" for what in ("actual", "predicted", "error"))]
    assert torch.as_tensor(columns["error_1"]).tolist() == pytest.approx([2.0] * 4, rel=1e-2)
    assert list(regression.columns(targets, None, None))[2:] == ["predicted_0", "predicted_1"]


def test_only_the_network_is_trained() -> None:
    assert sum(p.numel() for p in task(MLP(2, [16, 8])).parameters()) == 193


def test_a_checkpoint_is_safe_to_load_and_is_the_whole_model(folder: Path) -> None:
    assert main(["fit", "--config", str(PRODUCT), *BRIEF]) == 0
    path = folder / "lightning_logs/product/version_0/checkpoints/best.ckpt"
    content = torch.load(path, weights_only=True)
    assert content["hyper_parameters"]["optimizer"]["class_path"] == "torch.optim.Adam"
    loaded = Regression.load_from_checkpoint(path).eval()
    inputs = 1 + 9 * torch.rand(50, 2)
    state = content["state_dict"]
    mean, std = state["inputs.mean"], state["inputs.std"]
    assert mean[0].item() == pytest.approx(5.5, abs=0.3)
    network = MLP(2, [16, 8]).eval()
    network.load_state_dict({name[8:]: value for name, value in state.items() if name.startswith("network.")})
    by_hand = network((inputs - mean) / std) * state["targets.std"] + state["targets.mean"]
    assert torch.equal(loaded(inputs), by_hand)


def test_training_follows_the_loop_written_by_hand(folder: Path) -> None:
    """40 steps of Adam on the same batches end with the same weights, to the last bit."""
    assert main(["fit", "--config", str(PRODUCT), *BRIEF]) == 0
    checkpoint = folder / "lightning_logs/product/version_0/checkpoints/last.ckpt"
    trained = Regression.load_from_checkpoint(checkpoint)

    from app.data.product import Product
    from engine.data import Shuffle

    inputs, targets = Product().build("train")
    torch.testing.assert_close(trained.inputs.mean, inputs.mean(0))
    torch.testing.assert_close(trained.targets.std, targets.std(0, correction=0))
    losses = []
    torch.manual_seed(0)
    network = MLP(2, [16, 8])
    x = (inputs - trained.inputs.mean) / trained.inputs.std
    y = (targets - trained.targets.mean) / trained.targets.std
    optimizer, shuffle = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True), Shuffle(0)
    for epoch in range(4):
        shuffle.set_epoch(epoch)
        for batch in shuffle.order(1000).split(100):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    for name, value in network.state_dict().items():
        assert torch.equal(trained.network.state_dict()[name], value), name
    val_x, val_y = Product().build("val")
    with torch.no_grad():
        outputs = network((val_x - trained.inputs.mean) / trained.inputs.std)
        val_loss = nn.functional.mse_loss(outputs, (val_y - trained.targets.mean) / trained.targets.std).item()
    rows = read_csv(folder / "lightning_logs/product/version_0/metrics.csv")
    assert float(rows[-1]["train/loss"]) == pytest.approx(sum(losses[-10:]) / 10, rel=1e-5)
    assert float(rows[-1]["val/loss"]) == pytest.approx(val_loss, rel=1e-5)
    mae = ((outputs * trained.targets.std + trained.targets.mean) - val_y).abs().mean().item()
    assert float(rows[-1]["val/mae"]) == pytest.approx(mae, rel=1e-5)


def test_the_error_of_a_prediction_has_no_sign() -> None:
    columns = task(nn.Identity()).columns(torch.tensor([[1.0], [5.0]]), torch.tensor([[2.0], [3.0]]), None)
    assert [list(columns), torch.as_tensor(columns["error"]).tolist()] == [
        ["x1", "actual", "predicted", "error"],
        [1.0, 2.0],
    ]


def plain_lightning(test: Callable[[], None]) -> Callable[[], None]:
    """Ignore what Lightning warns of and the command line filters."""
    for message in (".*does not have many workers", ".*log_every_n_steps", ".*LeafSpec"):
        test = pytest.mark.filterwarnings(f"ignore:{message}")(test)
    return test


class Uneven(LightningDataModule):
    """Batches of 8 and 2 samples, the last of which is far off."""

    inputs = torch.arange(10.0).unsqueeze(1)
    targets = torch.where(inputs < 8, inputs, 100.0)

    def loader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        return DataLoader(TensorDataset(self.inputs, self.targets), batch_size=8)

    train_dataloader = val_dataloader = test_dataloader = loader


def trainer() -> Trainer:
    """Return Lightning's own Trainer for an epoch, without anything around it."""
    return Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@plain_lightning
def test_losses_and_metrics_are_means_over_samples_and_not_over_batches() -> None:
    network = MLP(1)
    regression = Regression(network, partial(torch.optim.SGD, lr=0.0), train_metrics=True)
    lightning = trainer()
    lightning.fit(regression, datamodule=Uneven())
    errors = regression.eval()(Uneven.inputs) - Uneven.targets
    loss = (errors / regression.targets.std).square().mean().item()
    expected = {"loss": loss, "mae": errors.abs().mean().item()}
    for stage in ("train", "val"):
        found = {name: lightning.callback_metrics[f"{stage}/{name}"].item() for name in expected}
        assert found == pytest.approx(expected, rel=1e-5)
    [scores] = lightning.test(regression, datamodule=Uneven(), verbose=False)
    assert scores["test/loss"] == pytest.approx(loss, rel=1e-5)


def test_training_metrics_are_logged_where_they_are_asked_for(folder: Path) -> None:
    assert main(["fit", "--config", str(PRODUCT), *BRIEF, "--model.train_metrics", "true"]) == 0
    rows = read_csv(folder / "lightning_logs/product/version_0/metrics.csv")
    assert [bool(row["train/mae"]) for row in rows if row["train/loss"]] == [True] * 4
    assert float(rows[-1]["train/mae"]) == pytest.approx(float(rows[-1]["val/mae"]), rel=0.2)


def test_training_metrics_of_an_epoch_that_goes_on_are_saved() -> None:
    first, second = (Regression(MLP(1), ADAM, train_metrics=True) for _ in range(2))
    checkpoint: dict[str, Any] = {}
    assert first.train_metrics is not None and second.train_metrics is not None  # noqa: PT018
    first.train_metrics.update(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [5.0]]))
    first.on_save_checkpoint(checkpoint)
    second.on_load_checkpoint(checkpoint)
    for regression in (first, second):
        assert regression.train_metrics is not None
        regression.train_metrics.update(torch.tensor([[1.0]]), torch.tensor([[9.0]]))
    assert second.train_metrics.compute() == first.train_metrics.compute()


def test_a_loss_of_ones_choice_sees_standardized_numbers() -> None:
    inputs, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([[10.0], [30.0]])
    regression = Regression(nn.Identity(), ADAM, loss=nn.HuberLoss(delta=0.1))
    regression.fit_statistics(TensorDataset(inputs, targets))
    outputs = torch.tensor([[0.0], [1.0]])  # standardized targets are -1 and 1
    assert regression.loss(outputs, targets).item() == pytest.approx(0.1 * (1 - 0.05) / 2)
    assert regression.constant_loss(targets) is None


def test_a_loss_is_chosen_by_config(folder: Path) -> None:
    assert main(["fit", "--config", str(PRODUCT), *BRIEF, "--model.loss", "torch.nn.L1Loss"]) == 0
    path = folder / "lightning_logs/product/version_0/checkpoints/last.ckpt"
    loaded = Regression.load_from_checkpoint(path)
    assert isinstance(loaded.criterion, nn.L1Loss)
    assert not [name for name in loaded.state_dict() if name.startswith("criterion")]


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace", "ignore:This property will be removed")
def test_a_task_is_traced_outside_of_a_trainer() -> None:
    regression = task(MLP(2, [3])).eval()
    inputs = torch.rand(4, 2)
    assert torch.equal(torch.jit.trace(regression, inputs)(inputs), regression(inputs))
    assert "x2" in regression.columns(inputs, None, None)


def numbers(samples: list[dict[str, float]]) -> list[torch.Tensor]:
    return [torch.tensor([[sample[name]] for sample in samples]) for name in ("x", "y")]


class Records(Dataset[dict[str, float]]):
    def __len__(self) -> int:
        return 20

    def __getitem__(self, row: int) -> dict[str, float]:
        return {"x": float(row), "y": 3.0 * row}


class Collated(LightningDataModule):
    def loader(self) -> DataLoader[dict[str, float]]:
        return DataLoader(Records(), batch_size=8, collate_fn=numbers)

    train_dataloader = val_dataloader = loader


@plain_lightning
def test_statistics_are_those_of_batches_that_a_collate_function_makes() -> None:
    regression = task(MLP(1))
    trainer().fit(regression, datamodule=Collated())
    rows = torch.arange(20.0)
    torch.testing.assert_close(regression.inputs.mean, rows.mean().view(1))
    torch.testing.assert_close(regression.targets.std, 3 * rows.std(correction=0).view(1))
