"""What the dashboard writes, read back and compared with what it must be."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from support import BRIEF, NO_DASHBOARD, PRODUCT, PROJECT, Result, read_csv
from support.events import events, hparams, read_json, scalars, text
from torch.nn import functional

from app.data.product import Product
from app.figures.plots.classification import confusion
from app.networks import MLP, Standardizer
from engine.data import Shuffle

App = Callable[..., Result]
pytestmark = pytest.mark.dashboard
RUN = Path("lightning_logs/product/version_0")
CNN = PROJECT / "configs" / "mnist_cnn.yaml"
EVERY_STEP = ["--dashboard.scalars.init_args.every_n_steps", "1"]


def fit(app: App, config: Path, *arguments: str) -> Path:
    result = app("fit", "--config", config, *arguments)
    assert result.exit_code == 0, result.err
    return Path("lightning_logs") / config.stem / "version_0"


def first_gradients() -> tuple[float, float]:
    """Return loss and gradient norm of the first step of `product`, computed by hand."""
    torch.manual_seed(0)
    network = MLP(2, [16, 8])
    parts = []
    for values in Product().build("train"):
        standardizer = Standardizer()
        standardizer.fit(values.split(1024))
        parts.append(standardizer(values)[Shuffle(0).order(1000)[:100]])
    loss = functional.mse_loss(network(parts[0]), parts[1])
    loss.backward()
    squares = sum(
        parameter.grad.square().sum().item() for parameter in network.parameters() if parameter.grad is not None
    )
    return loss.item(), squares**0.5


def test_loss_and_gradient_norm_of_a_step_are_those_by_hand_before_clipping(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF, *EVERY_STEP, "--trainer.gradient_clip_val", "0.001")
    loss, norm = first_gradients()
    assert norm > 0.01
    assert scalars(run, "train/loss_step")[0] == pytest.approx(loss)
    assert scalars(run, "train/gradient_norm")[0] == pytest.approx(norm)
    assert list(scalars(run, "train/loss_step")) == list(scalars(run, "train/gradient_norm")) == list(range(40))


def test_the_weight_norm_is_that_of_all_weights_before_the_step(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF, *EVERY_STEP)
    torch.manual_seed(0)
    squares = sum(parameter.square().sum().item() for parameter in MLP(2, [16, 8]).parameters())
    assert scalars(run, "train/weight_norm")[0] == pytest.approx(squares**0.5)
    assert list(scalars(run, "train/weight_norm")) == list(range(40))


def test_with_accumulation_a_step_is_logged_once(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF, *EVERY_STEP, "--trainer.accumulate_grad_batches", "4")
    assert list(scalars(run, "train/loss_step")) == list(scalars(run, "train/gradient_norm")) == list(range(12))


def test_the_ratio_is_training_over_validation_loss(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF)
    rows = [row for row in read_csv(run / "metrics.csv") if row["val/loss"]]
    ratios = [float(row["train/loss"]) / float(row["val/loss"]) for row in rows]
    assert list(scalars(run, "val/loss_ratio").values()) == pytest.approx(ratios)


def test_a_histogram_counts_every_parameter_and_gradient(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF, "--dashboard.histograms.init_args.every_n_epochs", "2")
    found = events(run)
    for name, parameter in MLP(2, [16, 8]).named_parameters():
        for kind in ("parameters", "gradients"):
            drawn = found.Histograms(f"{kind}/network.{name}")
            assert [event.step for event in drawn] == [19, 39]
            assert drawn[0].histogram_value.num == sum(drawn[0].histogram_value.bucket) == parameter.numel()
    assert found.Histograms("activations/layers.1")[0].histogram_value.min >= 0  # after a ReLU
    assert found.Histograms("activations/layers.0")[0].histogram_value.num == 100 * 16


def test_every_tab_of_a_regression(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF)
    tags = events(run).Tags()
    assert {"train/loss", "val/loss", "val/mae", "learning_rate", "train/loss_step", "val/loss_ratio"} <= set(
        tags["scalars"]
    )
    assert set(tags["images"]) == {"val/fit", "val/residuals"}
    assert {"config/text_summary", "network/text_summary", "diagnosis/text_summary", "train/batch/text_summary"} <= set(
        tags["tensors"]
    )
    assert "custom_scalars__config__" in tags["tensors"]
    assert tags["graph"]
    assert "max_epochs: 4" in text(run, "config")
    assert "193 parameters" in text(run, "network")
    assert {path.name for path in (run / "figures").iterdir()} == {"curves.png", "val_fit.png", "val_residuals.png"}


def test_every_tab_of_an_image_classification(app: App, small_data: Callable[[Path], list[str]]) -> None:
    run = fit(app, CNN, "--trainer.max_epochs", "1", *small_data(CNN))
    assert app("test", "--run", "mnist_cnn").exit_code == 0
    tags = events(run).Tags()
    figures = {"confusion", "roc", "precision_recall", "feature_maps", "misclassified"}
    assert {f"val/{name}" for name in figures} | {"train/batch"} <= set(tags["images"])
    assert {f"test/{name}" for name in figures} <= set(tags["images"])
    curves = {
        tag for tag in tags["tensors"] if events(run).summary_metadata[tag].plugin_data.plugin_name == "pr_curves"
    }
    assert curves >= {f"{stage}/{digit}" for stage in ("val", "test") for digit in range(10)}
    assert "test_confusion.png" in {path.name for path in (run / "figures").iterdir()}


def test_a_text_shows_how_the_network_goes_on(app: App) -> None:
    chars = PROJECT / "configs" / "chars.yaml"
    run = fit(app, chars, "--trainer.max_epochs", "1", "--trainer.limit_train_batches", "3")
    assert len(text(run, "val/continuation")) > 200
    assert "val/confusion" in events(run).Tags()["images"]


def test_the_confusion_matrix_counts_every_test_sample_once(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    def keep(counts: Any, names: Any, title: str) -> Figure:
        drawn.append(counts)
        return confusion(counts, names, title)

    monkeypatch.setattr("app.figures.classification.confusion", keep)
    run = fit(app, PROJECT / "configs" / "threshold.yaml", "--trainer.max_epochs", "20")
    assert app("test", "--run", "threshold").exit_code == 0
    matrix, scores = drawn[-1], read_json(run / "test.json")
    assert matrix.sum() == 1000
    assert matrix.trace() / matrix.sum() == pytest.approx(scores["test/accuracy"])
    assert matrix[0, 0] / matrix[0].sum() == pytest.approx(scores["test/accuracy_0"])


def test_hparams_are_the_settings_with_the_metrics_of_the_best_and_of_the_test(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF)
    best = read_json(run / "run.json")["best"]["metrics"]
    assert best_of(run) == pytest.approx({name: value for name, value in best.items() if name.startswith("val/")})
    assert app("test", "--run", "product").exit_code == 0
    assert list(scalars(run, "best/test/mae")) == [39]  # the step of the checkpoint
    tested = read_json(run / "test.json")
    assert best_of(run) == pytest.approx({**{n: v for n, v in best.items() if n.startswith("val/")}, **tested})
    settings = hparams(run)
    assert (settings["task"], settings["optimizer"], settings["optimizer.lr"]) == ("Regression", "Adam", 1e-3)
    assert (settings["max_epochs"], settings["network.hidden_features"]) == (4, "[16, 8]")
    assert not {"logger", "default_root_dir"} & set(settings)
    assert -1 not in best_of(run).values()


def test_hparams_of_a_better_best_do_not_show_the_test_of_the_one_before(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF)
    assert app("test", "--run", "product").exit_code == 0
    assert app("fit", "--run", "product", "--trainer.max_epochs", "8").exit_code == 0
    shown, best = best_of(run), read_json(run / "run.json")["best"]["metrics"]
    assert shown["val/mae"] == pytest.approx(best["val/mae"])
    assert math.isnan(shown["test/mae"])
    assert app("test", "--run", "product").exit_code == 0
    assert best_of(run)["test/mae"] == pytest.approx(read_json(run / "test.json")["test/mae"])


def test_tensorboard_lists_a_run_once(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF)
    assert {path.parent for path in run.parent.rglob("*tfevents*")} == {run}


def best_of(run: Path) -> dict[str, float]:
    """Return the last value of each metric that HParams shows as that of the best checkpoint."""
    tags = [tag for tag in events(run).Tags()["scalars"] if tag.startswith("best/")]
    return {tag.removeprefix("best/"): list(scalars(run, tag).values())[-1] for tag in tags}


def test_a_panel_can_be_switched_off(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF, "--dashboard.histograms", "null", "--dashboard.fit", "null")
    tags = events(run).Tags()
    assert tags["histograms"] == tags["images"] == []


def test_without_a_logger_figures_are_kept_all_the_same(app: App) -> None:
    run = fit(app, PRODUCT, *BRIEF, "--trainer.logger", "false")
    assert {path.name for path in (run / "figures").iterdir()} == {"val_fit.png", "val_residuals.png"}
    assert not list(run.glob("events*"))


@pytest.mark.parametrize("config", ["line", "mnist_cnn", pytest.param("chars", marks=pytest.mark.slow)])
def test_the_dashboard_changes_nothing_of_the_training(
    config: str, app: App, folder: Path, small_data: Callable[[Path], list[str]]
) -> None:
    path = PROJECT / "configs" / f"{config}.yaml"
    brief = ["--trainer.max_epochs", "2", "--trainer.limit_train_batches", "4", *small_data(path)]
    off = [*NO_DASHBOARD, "--callbacks.diagnosis", "null"]
    with_it = fit(app, path, *brief) / "checkpoints" / "last.ckpt"
    weights = torch.load(with_it, weights_only=True)["state_dict"]
    (folder / "lightning_logs").rename(folder / "with")
    without = torch.load(fit(app, path, *brief, *off) / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert not list(folder.glob("lightning_logs/*/version_0/figures"))
    for name, value in weights.items():
        assert torch.equal(value, without[name]), name


def test_a_layer_that_does_not_exist_is_named(app: App) -> None:
    result = app("fit", "--config", PRODUCT, *BRIEF, "--dashboard.histograms.init_args.layers", "[layers.9]")
    assert result.exit_code == 2
    assert "layers.9; did you mean layers." in result.err
