from functools import partial
from pathlib import Path

import pytest
import torch
from support import BRIEF, PRODUCT, main, read_csv
from torch import nn
from torch.utils.data import TensorDataset

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
    with pytest.raises(ValueError, match=r"targets \(B, 1\): \(4,\)"):
        task(nn.Identity()).loss(torch.zeros(4, 1), torch.zeros(4))
    with pytest.raises(ValueError, match=r"outputs \(4, 2\) for targets \(4, 1\)"):
        task(nn.Identity()).loss(torch.zeros(4, 2), torch.zeros(4, 1))


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
