"""The summary of a network: what it lists, and that it changes nothing."""

import re
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
import torchvision
from lightning.pytorch import LightningModule, Trainer, seed_everything
from support import BRIEF, PRODUCT, Result
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchmetrics import MeanMetric

from app.networks.layers import NoisyLinear
from engine.logs.summary import Summary, layers, operations, own, parameters, size, tree

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*is smaller than the logging interval", "ignore:.*treespec"
)
WIDTH = 8


class Task(LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.scale = nn.Parameter(torch.ones(1))
        self.mean = MeanMetric()

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        loss: Tensor = (self.network(batch) * self.scale).square().mean()
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.network(batch)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def small() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(WIDTH, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5))
    return nn.Sequential(inner, nn.Linear(6, 2))


def fit(network: nn.Module, samples: Tensor, *callbacks: Any, **options: Any) -> Task:
    seed_everything(0, verbose=False)
    task = Task(network)
    data = DataLoader(cast(Dataset[Tensor], samples), batch_size=4)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=bool(callbacks),
        callbacks=list(callbacks),
        **options,
    )
    trainer.fit(task, data, data)
    return task


@pytest.fixture
def table(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[list[str]]]:
    """Return the words of the lines that are printed."""

    def printed(network: nn.Module, samples: Tensor, *arguments: Any, **options: Any) -> list[list[str]]:
        fit(network, samples, Summary(*arguments), **options)
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    return printed


def test_all_layers_are_listed_with_what_they_return_for_a_sample(table: Any) -> None:
    title, header, *rows = table(small(), torch.randn(8, WIDTH))
    assert " ".join(title) == "81 parameters, 81 trained, 120 FLOPs in a forward pass of one sample"
    assert header == ["layer", "type", "weight", "output", "parameters", "FLOPs"]
    assert rows == [
        ["Task", "Task", "1", "1", "0"],
        ["network.0.0", "Linear", "6x8", "6", "54", "96"],
        ["network.0.1", "BatchNorm1d", "6", "6", "12", "0"],
        ["network.0.2", "ReLU", "6", "0", "0"],
        ["network.0.3", "Dropout", "6", "0", "0"],
        ["network.1", "Linear", "2x6", "2", "14", "24"],
    ]


def test_the_depth_is_that_of_the_settings(table: Any) -> None:
    samples = torch.randn(8, WIDTH)
    assert table(small(), samples, 0) == []
    [*_, network, more] = table(small(), samples, 1)
    assert network == ["network", "Sequential", "2", "80", "120"]
    assert more[:2] == ["(all", "6"]
    assert [row[0] for row in table(small(), samples, 2)[2:]] == ["Task", "network.0", "network.1", "(all"]
    assert len(table(small(), samples, -1)) == len(table(small(), samples, 3)) == 8


def test_a_large_network_is_a_tree_of_two_levels_with_totals(capsys: pytest.CaptureFixture[str]) -> None:
    network, images = torchvision.models.resnet18(num_classes=10), torch.randn(4, 3, 32, 32)
    fit(network, images, Summary())
    title, _, scale, whole, *parts, more = capsys.readouterr().out.splitlines()
    assert scale.split() == ["Task", "Task", "1", "1", "0"]
    assert whole.startswith("network ")
    assert all(part.startswith("  ") for part in parts)
    assert [part.split()[0] for part in parts] == [name for name, _ in network.named_children()]
    counts, flops = zip(*(map(int, line.split()[-2:]) for line in (scale, whole, *parts)), strict=True)
    assert counts[1] == sum(counts[2:]) == sum(p.numel() for p in network.parameters())
    assert flops[1] == sum(flops[2:]) > 1e7
    assert int(title.split()[0].replace(",", "")) == sum(counts[:2])
    assert more == "(all 53 layers: --callbacks.summary.max_depth -1)"


def test_all_layers_of_a_large_network_are_listed_on_request(table: Any) -> None:
    lines = table(torchvision.models.resnet18(num_classes=10), torch.randn(4, 3, 32, 32), -1)
    assert len(lines) == 2 + 53
    assert sum(int(line[-2]) for line in lines[2:]) == int(lines[0][0].replace(",", ""))


def test_a_tree_with_too_many_branches_has_one_level() -> None:
    network = nn.Sequential(nn.Linear(2, 2), *[nn.Sequential(*map(nn.Identity, range(20))) for _ in range(4)])
    task = Task(network)
    assert [row[:2] for row in tree(task)] == [(0, "Task"), (0, "network"), *[(1, str(n)) for n in range(5)]]
    assert [row[:2] for row in tree(network)] == [(0, str(n)) for n in range(5)]


def test_a_summary_changes_nothing_that_is_learned() -> None:
    samples = torch.randn(8, WIDTH)
    with_it, without = fit(small(), samples, Summary(-1)), fit(small(), samples)
    state, other = with_it.state_dict(), without.state_dict()
    assert all(torch.equal(state[name], other[name]) for name in state)
    after = torch.random.get_rng_state()
    fit(small(), samples)
    assert torch.equal(after, torch.random.get_rng_state())


def test_nothing_listens_to_the_layers_once_training_has_begun() -> None:
    network, called = small(), []
    summary = Summary()
    # There is no other way to see whether one of its hooks is called.
    summary._note = lambda *arguments: called.append(arguments)  # type: ignore[method-assign]
    fit(network, torch.randn(8, WIDTH), summary)
    before = len(called)
    assert before > 0
    network(torch.randn(4, WIDTH))
    assert len(called) == before


def test_without_a_trial_batch_there_are_layers_and_no_shapes(table: Any) -> None:
    title, header, *rows = table(small(), torch.randn(8, WIDTH), num_sanity_val_steps=0)
    assert "FLOPs" not in [*title, *header]
    assert rows[1] == ["network.0.0", "Linear", "6x8", "54"]


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_lazy_layers_are_listed_before_and_after_they_have_seen_data(table: Any) -> None:
    for steps, last in ((2, ["network", "Linear", "3x8", "3", "27", "48"]), (0, ["network", "LazyLinear", "?", "0"])):
        lines = table(nn.LazyLinear(3), torch.randn(8, WIDTH), num_sanity_val_steps=steps)
        assert lines[-1] == last


class Attentive(nn.Module):
    """Owns a parameter, as do its parts, which have parts."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(5))
        self.attention = nn.MultiheadAttention(WIDTH, 2)

    def forward(self, values: Tensor) -> Tensor:
        attended: Tensor = self.attention(values, values, values)[0]
        return attended + self.token.sum()


def test_what_a_part_and_its_parts_own_is_counted_once() -> None:
    network = nn.Sequential(Attentive(), nn.Linear(WIDTH, 2))
    shown = list(layers(network))
    counts = {name: size(own(layer, shown)) for name, layer in shown}
    assert counts == {"0": 5, "0.attention": 3 * WIDTH * (WIDTH + 1), "0.attention.out_proj": 72, "1": 18}
    assert sum(counts.values()) == parameters(network)


class Recurrent(nn.LSTM):
    def forward(self, values: Tensor) -> Any:  # type: ignore[override]
        return super().forward(values)[0]


@pytest.mark.filterwarnings("ignore:TF32 acceleration")  # set with the other flags
@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        (small(), (WIDTH,)),
        (nn.Sequential(NoisyLinear(WIDTH, 4), nn.Linear(4, 2)), (WIDTH,)),
        (nn.Sequential(nn.Conv2d(3, 8, 3, groups=1), nn.Conv2d(8, 8, 3, stride=2, groups=4)), (3, 12, 12)),
        (nn.ConvTranspose2d(3, 5, 4, stride=2), (3, 6, 6)),
        (nn.Sequential(Recurrent(4, 5, 2, batch_first=True), nn.Linear(5, 3)), (7, 4)),
        (torchvision.models.resnet18(num_classes=10), (3, 32, 32)),
    ],
)
def test_operations_are_those_of_pytorchs_own_counter_layer_by_layer(
    network: nn.Module, sizes: tuple[int, ...]
) -> None:
    counted: dict[nn.Module, int] = {}

    def count(layer: nn.Module, inputs: Any, output: Tensor) -> None:
        counted[layer] = operations(layer, inputs[0].shape, output.shape)

    for layer in network.modules():
        layer.register_forward_hook(count)
    network.eval()
    # Of oneDNN's own recurrent layers, FlopCounterMode counts nothing.
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as reference, torch.no_grad():
        network(torch.randn(1, *sizes))
    assert sum(counted.values()) == reference.get_total_flops() > 0
    wanted = {name: sum(found.values()) for name, found in reference.get_flop_counts().items()}
    for name, layer in network.named_modules(prefix=type(network).__name__):
        assert sum(counted[part] for part in layer.modules()) == wanted.get(name, 0), name


@pytest.mark.parametrize("name", ["ModelSummary", "RichModelSummary"])
def test_lightnings_own_summary_prints_in_its_place(
    name: str, app: Callable[..., Result], caplog: pytest.LogCaptureFixture
) -> None:
    result = app("fit", "--config", PRODUCT, *BRIEF, "--callbacks.summary", f"lightning.pytorch.callbacks.{name}")
    assert result.exit_code == 0
    assert re.search(r"network\W+MLP", result.out + result.err + caplog.text)
