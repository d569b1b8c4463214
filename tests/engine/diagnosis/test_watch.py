"""Trainings of toy modules by a plain Trainer: none is ended by the diagnosis, and what it sees is what happened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from engine.diagnosis.advice import Setup
from engine.diagnosis.watch import Diagnosis

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, which the command line filters
INPUTS = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS.prod(1, keepdim=True)


class Plain(LightningModule):
    def __init__(self, network: nn.Module | None = None) -> None:
        super().__init__()
        self.network = network or nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return nn.functional.mse_loss(self.network(batch[0]), batch[1])

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class NoOptimizer(Plain):
    def configure_optimizers(self) -> Any:
        return None


class Skips(Plain):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return super().training_step(batch, batch_idx) if batch_idx % 2 else None


class SkipsAll(Plain):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return None


class OneDimension(Plain):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss: Tensor = sum(nn.functional.mse_loss(self.network(x), y) for x, y in zip(*batch, strict=True))  # type: ignore[assignment]
        return loss / len(batch[0])


class Lazy(Plain):
    def __init__(self) -> None:
        super().__init__(nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(1)))


class Sparse(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 2, sparse=True)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.table(torch.arange(5)).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.table.parameters(), lr=1e-2)


class Manual(Plain):
    automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        optimizer: Any = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, batch_idx))
        optimizer.step()
        return {"note": 1}

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Adversarial(Plain):
    automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        for optimizer in self.optimizers():  # type: ignore[union-attr]
            optimizer.zero_grad()
            loss = super().training_step(batch, batch_idx)
            self.manual_backward(loss)
            optimizer.step()
        return loss.detach()

    def configure_optimizers(self) -> Any:
        layers = self.network.children()
        return [torch.optim.Adam(layer.parameters(), lr=1e-2) for layer in layers if isinstance(layer, nn.Linear)], []


class ReusesReLU(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last, self.relu = nn.Linear(2, 8), nn.Linear(8, 4), nn.Linear(4, 1), nn.ReLU()

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        hidden = self.relu(self.second(self.relu(self.first(batch[0]))))
        return nn.functional.mse_loss(self.last(hidden), batch[1])


class ManyDigits(Plain):
    """Logs `val_loss`, as tutorials do."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", nn.functional.mse_loss(self.network(batch[0]), batch[1]))


def fit(module: LightningModule, epochs: int = 15, callbacks: tuple[Callback, ...] = (), **settings: Any) -> Diagnosis:
    diagnosis, loader = Diagnosis(), DataLoader(TensorDataset(INPUTS, TARGETS), batch_size=10)
    trainer(epochs, [diagnosis, *callbacks], **settings).fit(module, loader, loader)
    return diagnosis


def trainer(epochs: int, callbacks: list[Callback], **settings: Any) -> Trainer:
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    return Trainer(
        accelerator="cpu", max_epochs=epochs, callbacks=callbacks, **{**dict.fromkeys(off, False), **settings}
    )


@pytest.mark.parametrize(
    "module",
    [NoOptimizer, Skips, SkipsAll, OneDimension, Lazy, Sparse, Manual, Adversarial, ReusesReLU, ManyDigits],
)
def test_a_training_that_lightning_finishes_is_watched_to_its_end(
    module: Callable[[], Plain], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_DEBUG", "1")
    diagnosis = fit(module())
    printed = capsys.readouterr().out
    assert not diagnosis.off, printed
    assert "\ndiagnosis: " in printed


@pytest.mark.parametrize("module", [Plain, Skips, Adversarial, ReusesReLU])
def test_weights_are_bit_for_bit_what_they_are_without_the_diagnosis(module: Callable[[], Plain]) -> None:
    def weights(callbacks: list[Callback]) -> list[Tensor]:
        torch.manual_seed(0)
        task = module()
        trainer(5, callbacks).fit(task, DataLoader(TensorDataset(INPUTS, TARGETS), batch_size=10, shuffle=True))
        return [parameter.detach() for parameter in task.parameters()]

    for watched, alone in zip(weights([Diagnosis()]), weights([]), strict=True):
        assert torch.equal(watched, alone)


def test_a_loss_that_was_never_seen_is_not_healthy() -> None:
    for module in (Manual(), SkipsAll()):  # the weights of the latter never move, and no learning rate would move them
        assert fit(module).facts() == {"diagnosis": ["not watched: the training step returned no loss"]}


class OwnRate(Plain):
    def __init__(self, learning_rate: float = 1e-9, weight_decay: float = 0.0) -> None:
        super().__init__()


def test_advice_names_the_arguments_of_a_module_of_ones_own_and_no_others() -> None:
    setup = Setup.of(trainer(1, []), OwnRate())
    assert setup.rate(1e-3) == "--model.learning_rate 1e-3"
    assert setup.decay() == "--model.weight_decay 0.01"
    assert setup.clip() == "--trainer.gradient_clip_val 1"
    setup = Setup.of(trainer(1, []), Manual())
    assert setup.rate(1e-3) == "a learning rate of 1e-3"
    assert setup.decay() == "weight decay"
    assert setup.larger() == "a wider or deeper network"
    assert setup.clip() == "self.clip_gradients in the training step"  # the Trainer refuses to clip there


def test_a_layer_that_cannot_be_watched_ends_no_training(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.diagnosis.watch.units_active", lambda output: output.nothing)
    diagnosis = fit(Plain())
    assert diagnosis.off
    assert "Diagnosis failed and is switched off" in capsys.readouterr().out


def test_a_few_steps_are_too_short_to_judge(capsys: pytest.CaptureFixture[str]) -> None:
    diagnosis = fit(Plain(), epochs=1, limit_train_batches=9)
    assert diagnosis.facts() == {"diagnosis": ["too short to judge: 9 steps, 200 are needed"]}
    assert "healthy" not in capsys.readouterr().out


def test_a_healthy_run_has_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    diagnosis = fit(ManyDigits(), epochs=40)
    assert diagnosis.facts() == {"diagnosis": []}
    assert "diagnosis: healthy, nothing to point out: training loss " in capsys.readouterr().out


class Recorded(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.seen.append(super().training_step(batch, batch_idx).item())
        return super().training_step(batch, batch_idx)


class Penalized(Recorded):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        penalty = 3 * sum(parameter.abs().sum() for parameter in self.parameters())
        return {"loss": super().training_step(batch, batch_idx) + penalty, "penalty": penalty}


@pytest.mark.parametrize("settings", [{}, {"accumulate_grad_batches": 4}])
def test_losses_are_the_means_of_single_steps(settings: dict[str, Any]) -> None:
    task = Recorded()
    history = fit(task, epochs=2, **settings).history
    blocks = torch.tensor(task.seen).reshape(4, 10)
    assert history.losses == pytest.approx(blocks.mean(1).tolist())
    assert history.errors == pytest.approx((blocks.std(1, correction=0) / 10**0.5).tolist(), rel=1e-4)


def test_a_penalty_does_not_count() -> None:
    task = Penalized()
    losses = fit(task, epochs=1).history.losses
    assert losses == pytest.approx([sum(task.seen[start : start + 10]) / 10 for start in (0, 10)], rel=1e-4)


def test_the_gradient_norm_is_that_before_clipping_and_of_the_optimizers_parameters() -> None:
    norms: list[float] = []

    class Reference(Callback):
        def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
            gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
            norms.append(torch.nn.utils.get_total_norm(gradients).item())

    history = fit(Plain(), epochs=5, callbacks=(Reference(),), gradient_clip_val=1e-3).history
    assert history.early == pytest.approx(norms[:3])
    assert history.norms == pytest.approx(norms[9::10])


def test_a_validation_loss_of_another_name_is_seen() -> None:
    task = ManyDigits()
    history = fit(task, epochs=3).history
    assert [row[0] for row in history.validations] == [0, 1, 2]
    with torch.no_grad():
        assert history.validations[-1][2] == pytest.approx(nn.functional.mse_loss(task.network(INPUTS), TARGETS).item())


def test_layers_that_are_used_twice_are_two_layers() -> None:
    alive = fit(ReusesReLU()).history.alive
    assert {name: len(samples[0]) for name, samples in alive.items()} == {"relu": 8, "relu (call 2)": 4}


def test_validations_do_not_count_as_training_batches_for_units() -> None:
    class Odd(ManyDigits):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            super().validation_step((-1e6 + 0 * batch[0], batch[1]), batch_idx)

    alive = fit(Odd(), epochs=10).history.alive
    assert {len(samples) for samples in alive.values()} == {10}


def test_epochs_count_from_0_like_those_of_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    class Still(Plain):
        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=1e-12)

    fit(Still(), epochs=20)
    printed = capsys.readouterr().out
    assert "diagnosis, epoch 1: weights hardly change: " in printed  # after 40 of 400 steps, 20 in an epoch


def test_a_finding_is_reported_once_with_numbers_and_advice(capsys: pytest.CaptureFixture[str]) -> None:
    network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    diagnosis = fit(Plain(network), epochs=20)
    printed = capsys.readouterr().out
    assert (
        printed.count(
            "weights all zero: network.0.weight, network.2.weight hold only zeros\n  try weights drawn at random"
        )
        == 1
    )
    assert diagnosis.facts() == {"diagnosis": ["weights all zero: network.0.weight, network.2.weight hold only zeros"]}


def test_a_loss_that_is_not_finite_is_reported_though_nothing_stops_the_run() -> None:
    class Wild(Plain):
        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=1e6)

    assert "loss not finite" in [finding.name for finding in fit(Wild(), epochs=20).findings]


def test_the_state_of_earlier_versions_is_taken_over() -> None:
    old = {
        "known": {"losses": [1.0], "rates": [0.1], "validations": [[0, 1.0, 0.5]], "share": 0.3, "later": 1},
        **{"said": [["overfitting", "a", "b"]], "batches": 15, "in_block": 5, "sum": torch.tensor(2.5), "start": []},
    }
    diagnosis = Diagnosis()
    diagnosis.load_state_dict(old)
    assert diagnosis.history.losses == [1.0]
    assert diagnosis.history.fraction == 0.3
    assert diagnosis.history.best == [0, 1.0, 0.5]
    assert diagnosis.facts() == {"diagnosis": ["overfitting: a"]}
    assert diagnosis.state_key == "Diagnosis"
    diagnosis.load_state_dict({})
    assert diagnosis.history.losses == []


def test_a_state_goes_through_a_checkpoint_of_plain_values(folder: Path) -> None:
    diagnosis = fit(ManyDigits())
    torch.save(diagnosis.state_dict(), folder / "state.pt")
    again = Diagnosis()
    again.load_state_dict(torch.load(folder / "state.pt", weights_only=True))
    assert again.history.state() == diagnosis.history.state()
