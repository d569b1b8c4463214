"""Wrong input: exit code, one or two lines that name what is wrong, nothing written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import PRODUCT, PROJECT, Result

App = Callable[..., Result]
FIT = ["fit", "--config", str(PRODUCT)]
TABULAR = str(PROJECT / "configs" / "tabular.yaml")
LINEAR = str(PROJECT / "configs" / "linear.yaml")
NETWORK = "--model.init_args.network"
OPTIMIZER = "--model.init_args.optimizer"
SCHEDULER = "--model.init_args.lr_scheduler"
WITH = PROJECT / "configs" / "with"
STOPPING = ["--callbacks.early_stopping", "lightning.pytorch.callbacks.EarlyStopping"]

WRONG = {
    "unknown command": (["fti"], ["fti", "did you mean fit?"]),
    "no config": (["fit"], ["--config"]),
    "no such config": (["fit", "--config", str(PRODUCT.with_name("prodct.yaml"))], ["prodct.yaml", "product.yaml?"]),
    "no value for an option": (["fit", "--config"], ["--config"]),
    "misspelt key": ([*FIT, "--trainer.max_epoch", "3"], ["trainer.max_epoch", "did you mean max_epochs?"]),
    "misspelt group": ([*FIT, "--modle.x", "3"], ["modle", "did you mean model?"]),
    "misspelt callback": ([*FIT, "--callbacks.chekpoint", "null"], ["callbacks.chekpoint", "callbacks.checkpoint?"]),
    "word without a key": ([*FIT, "extra"], ["extra", "--key value"]),
    "wrong type": ([*FIT, "--trainer.max_epochs", "three"], ["trainer.max_epochs", "int or null", "'three'"]),
    "wrong choice": ([*FIT, f"{NETWORK}.init_args.activation", "rellu"], ["activation", "did you mean relu?"]),
    "wrong type inside": ([*FIT, f"{OPTIMIZER}.init_args.lr", "fast"], ["optimizer.lr", "float", "'fast'"]),
    "unknown argument": ([*FIT, f"{NETWORK}.init_args.hidden", "[3]"], ["MLP has no", "hidden_features?"]),
    "misspelt class": ([*FIT, "--model", "app.tasks.Regresion"], ["app.tasks.Regresion", "app.tasks.Regression?"]),
    "misspelt class inside": ([*FIT, OPTIMIZER, "torch.optim.Adm"], ["torch.optim.Adm", "torch.optim.Adam?"]),
    "misspelt module": ([*FIT, NETWORK, "ap.networks.MLP"], ["ap.networks.MLP", "app.networks.MLP?"]),
    "class of another kind": (
        [*FIT, NETWORK, "app.data.product.Product"],
        ["app.data.product.Product is not a Module"],
    ),
    "refused by a constructor": ([*FIT, "--data.init_args.batch_size", "0"], ["batch_size must be at least 1: 0"]),
    "network of another width": ([*FIT, f"{NETWORK}.init_args.in_features", "3"], ["does not fit the data", "(2, 2)"]),
    "outputs of another width": ([*FIT, f"{NETWORK}.init_args.out_features", "2"], ["does not fit the data", "(2, 1)"]),
    "metric that is not logged": (
        [*FIT, "--callbacks.checkpoint.init_args.monitor", "val/maee"],
        ["val/maee", "did you mean val/mae?"],
    ),
    "metric that early stopping cannot find": (
        [*FIT, *STOPPING, f"{STOPPING[0]}.init_args.monitor", "val/los"],
        ["val/los", "EarlyStopping", "did you mean val/loss?"],
    ),
    "metric that a plateau cannot find": (
        [*FIT, SCHEDULER, "lightning.pytorch.cli.ReduceLROnPlateau", f"{SCHEDULER}.init_args.monitor", "val/maee"],
        ["val/maee", "ReduceLROnPlateau", "did you mean val/mae?"],
    ),
    "accumulation of nothing": ([*FIT, "--trainer.accumulate_grad_batches", "0"], ["accumulate_grad_batches", "1: 0"]),
    "negative clipping": ([*FIT, "--trainer.gradient_clip_val", "-1"], ["gradient_clip_val", "0: -1"]),
    "validation never": ([*FIT, "--trainer.check_val_every_n_epoch", "0"], ["check_val_every_n_epoch", "1: 0"]),
    "schedule that ends too early": (
        [*FIT, "--config", str(WITH / "one_cycle.yaml"), f"{SCHEDULER}.init_args.total_steps", "10"],
        ["OneCycleLR", "10 steps", "total_steps"],
    ),
    "schedule without an end": (
        [*FIT, "--config", str(WITH / "cosine.yaml"), "--trainer.max_epochs", "-1"],
        ["needs an end", "--trainer.max_steps"],
    ),
    "no whole batch": (
        [*FIT, "--data.init_args.drop_last", "true", "--data.init_args.train_size", "50"],
        ["drop_last", "100", "50"],
    ),
    "negative learning rate": ([*FIT, f"{OPTIMIZER}.init_args.lr", "-1"], ["learning rate: -1"]),
    "negative seed": ([*FIT, "--seed_everything", "-5"], ["seed_everything", "-5"]),
    "nothing to train on": ([*FIT, "--trainer.max_epochs", "0"], ["nothing was trained", "max_epochs"]),
    "bare name of a setting": ([*FIT, "--batch_size", "50"], ["no setting batch_size", "--data.batch_size?"]),
    "part of a name": ([*FIT, "--trainer.epochs", "2"], ["no trainer.epochs", "did you mean max_epochs?"]),
    "help for no class": (["fit", "--model.help", "app.tasks.Nope"], ["app.tasks.Nope"]),
    "config that is a folder": (["fit", "--config", str(PRODUCT.parent)], ["is a folder"]),
    "misspelt --config": (
        ["fit", "--confg", "configs/product.yaml"],
        ["unexpected --confg; did you mean --config? fit needs --config"],
    ),
    "misspelt --run": (["export", "--rum", "product"], ["unexpected --rum; did you mean --run? export needs"]),
    "another file for a model": (["predict", "--model", "runs/model.onx"], ["--model runs/model.onx is no .onnx or"]),
    "misspelt option of a reader": (["compare", "a", "--basline", "b"], ["--basline b; did you mean --baseline?"]),
    "no file to begin with": ([*FIT, "--init_from", "none.ckpt"], ["--init_from: there is no file none.ckpt"]),
    "misspelt option": ([*FIT, "--print_schedul"], ["no setting print_schedul; did you mean print_schedule?"]),
    "word instead of a config": (["fit", "product"], ["unexpected product"]),
    "sampling that needs classes": (
        ["fit", "--config", TABULAR, "--config", str(PROJECT / "configs" / "with" / "balanced.yaml")],
        ["balanced sampling needs classes"],
    ),
    "a slope of a network with a hidden layer": (
        ["fit", "--config", LINEAR, f"{NETWORK}.init_args.hidden_features", "[8]"],
        ["not on a line", "hidden_features []"],
    ),
    "a slope of two features": (
        ["fit", "--config", LINEAR, "--data", "app.data.product.Product"],
        ["one feature and one target, not 2 and 1"],
    ),
    "a negative size": ([*FIT, "--data.init_args.train_size", "-5"], ["train_size must be at least 1: -5"]),
    "negative l1": ([*FIT, "--model.init_args.l1", "-0.1"], ["l1 must be at least 0: -0.1"]),
    "unknown accelerator": ([*FIT, "--trainer.accelerator", "gpuu"], ["gpuu"]),
    "two ways to begin": (["fit", "--run", "a", "--init_from", "b"], ["--run", "--init_from"]),
    "name that is a path": ([*FIT, "--name", "a/b/c"], ["'a/b/c'"]),
    "test without a run": (
        ["test", "--config", str(PRODUCT)],
        ["no run of product", "fit --config configs/product.yaml"],
    ),
    "test of nothing": (["test"], ["test needs --config"]),
    "unknown run": (["predict", "--run", "product/version_7"], ["product/version_7", "fit --config"]),
    "resume of nothing": (["fit", "--run", "product"], ["no run product"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_named_and_leaves_nothing(case: str, app: App, folder: Path) -> None:
    arguments, words = WRONG[case]
    result = app(*arguments)
    assert result.exit_code == 2
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) <= 2
    for word in words:
        assert word in result.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            [f"{NETWORK}.init_args.batch_norm", "true", "--data.init_args.train_size", "101"],
            ["batch norm", "--data.drop_last true"],
        ),
        ([*STOPPING, f"{STOPPING[0]}.init_args.monitor", "train/los"], ["train/los", "train/loss"]),
    ],
)
def test_what_shows_only_in_an_epoch_is_named_too(arguments: list[str], words: list[str], app: App) -> None:
    result = app(*FIT, *arguments)
    assert result.exit_code == 2
    assert len(result.err.splitlines()) == 1
    for word in words:
        assert word in result.err


def test_an_augmentation_that_changes_the_size_is_named(app: App, small_mnist: Path, folder: Path) -> None:
    config = ["--config", PROJECT / "configs" / "mnist_cnn.yaml", "--data.init_args.root", small_mnist]
    crop = {"class_path": "torchvision.transforms.v2.CenterCrop", "init_args": {"size": 20}}
    augment = ["--data.init_args.augment", json.dumps([crop])]
    result = app("fit", *config, "--data.init_args.val_size", "40", *augment)
    assert result.exit_code == 2
    assert "augmented inputs (2, 1, 20, 20): model.network.image_size is 28" in result.err
    assert "(2, 1, 20, 20)" in result.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("trainer: [", "cannot be read"),
        ("- a\n- b", "keys and values"),
        ("trainer: {max_epochs: 1}", "no model"),
        ("trainer: null\nmodel: app.tasks.Regression", "trainer"),
        ("callbacks: null\nmodel: app.tasks.Regression", "callbacks"),
        ("trainer: {max_epoch: 1}\nmodel: app.tasks.Regression", "trainer.max_epoch"),
    ],
)
def test_a_broken_config_is_named(text: str, word: str, app: App, folder: Path) -> None:
    (folder / "mine.yaml").write_text(text)
    result = app("fit", "--config", "mine.yaml")
    assert result.exit_code == 2
    assert word in result.err


def test_a_traceback_is_shown_on_demand(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_DEBUG", "1")
    with pytest.raises(Exception, match="max_epoch"):
        app(*FIT, "--trainer.max_epoch", "3")


def test_missing_data_exits_with_3_and_says_which_files_to_put_where(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr("torchvision.datasets.MNIST.download", no_network)
    result = app("fit", "--config", PROJECT / "configs" / "mnist_mlp.yaml", "--data.init_args.root", "nowhere")
    assert result.exit_code == 3
    assert f"{Path('nowhere/MNIST/raw')}" in result.err
    assert "t10k-labels-idx1-ubyte" in result.err
    assert not (folder / "lightning_logs").exists()


def test_divergence_exits_with_4_and_keeps_the_last_checkpoint(app: App, folder: Path) -> None:
    result = app(*FIT, OPTIMIZER, "torch.optim.SGD", f"{OPTIMIZER}.init_args.lr", "1e30")
    assert result.exit_code == 4
    assert "epoch 0" in result.err
    assert "learning rate" in result.err
    assert '"diverged"' in (folder / "lightning_logs/product/version_0/run.json").read_text()


def test_weights_that_diverge_in_the_last_step_are_never_the_best(app: App, folder: Path) -> None:
    sgd = [OPTIMIZER, "torch.optim.SGD", f"{OPTIMIZER}.init_args.lr", "1e30", "--data.init_args.batch_size", "1000"]
    result = app(*FIT, *sgd, "--trainer.max_epochs", "1")
    assert result.exit_code == 4
    assert "validation loss" in result.err
    assert not (folder / "lightning_logs/product/version_0/checkpoints/best.ckpt").exists()


def test_no_command_shows_help(app: App) -> None:
    result = app()
    assert result.exit_code == 0
    assert "commands" in result.out
