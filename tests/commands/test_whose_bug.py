"""Whose bug it is: the owner's code fails with a traceback that ends in its line, a user's mistake with a message."""

import builtins
import sys
import traceback
from collections.abc import Collection
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet
from support import NO_DASHBOARD, PRODUCT, main, spawn

FIT = ["fit", "--config", str(PRODUCT), "--trainer.max_epochs", "1", "--trainer.check_val_every_n_epoch", "1"]
OFF = PRODUCT.with_name("with") / "no_dashboard.yaml"
RUN = Path("lightning_logs/product/version_0")
ERRORS = {
    "RuntimeError": 'raise RuntimeError("mine")',
    "ValueError": 'raise ValueError("mine")',
    "TypeError": '1 + "a"',
    "IndexError": "[][1]",
    "AttributeError": '"".mine',
    "KeyError": '{}["mine"]',
    "FileNotFoundError": 'open("mine.txt")',
}
MISSING = {"ModuleNotFoundError": "import missing_module", "ImportError": "from torch import missing_name"}
MINE = """
from lightning.pytorch import Callback
from app.data.product import Product
from app.networks import MLP
from app.tasks import Regression
from engine.dashboard import Panel

def broken(*arguments, **more):
    ERROR  # the bug

class Net(MLP):
    forward = broken
class NetOfABug(MLP):
    def __init__(self, in_features: int, hidden_features: list[int]) -> None:
        broken()
class Hook(Callback):
    on_train_batch_end = broken
class Epochs(Callback):
    on_train_epoch_end = broken
class CallbackOfABug(Callback):
    def __init__(self) -> None:
        broken()
class Shown(Panel):
    on_validation_epoch_end = broken
class TaskOfABug(Regression):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        broken()
class DataOfABug(Product):
    def __init__(self, **kwargs) -> None:
        broken()
"""
METHODS = {  # of a task, with the command that calls it, and of a data module
    **dict.fromkeys(("training_step", "validation_step", "loss", "outputs", "on_train_epoch_end"), "fit"),
    **dict.fromkeys(("configure_optimizers", "fit_statistics"), "fit"),
    **{"test_step": "test", "predict_step": "predict", "columns": "predict"},
}
DATA_METHODS = ("build", "draw", "setup", "train_dataloader", "val_dataloader", "on_after_batch_transfer")
PLACES = {
    **{name: (command, ["--model", f"mine.Task_{name}"]) for name, command in METHODS.items()},
    **{f"data.{name}": ("fit", ["--data", f"mine.Data_{name}"]) for name in DATA_METHODS},
    "forward": ("fit", ["--model.network", "mine.Net"]),
    "a hook of a batch": ("fit", ["--callbacks.mine", "mine.Hook"]),
    "a hook of an epoch": ("fit", ["--trainer.callbacks+", "mine.Epochs"]),
}
CONSTRUCTORS = {
    "network": ["--model.network", "mine.NetOfABug"],
    "callback": ["--callbacks.mine", "mine.CallbackOfABug"],
    "task": ["--model", "mine.TaskOfABug"],
    "data": ["--data", "mine.DataOfABug"],
}


def pairs(places: Collection[str], kinds: Collection[str]) -> list[ParameterSet]:
    """Return every pair; those beyond one for each place are slow."""
    return [
        pytest.param(place, kind, marks=[] if number % len(kinds) == other else pytest.mark.slow)
        for number, place in enumerate(places)
        for other, kind in enumerate(kinds)
    ]


@pytest.fixture(autouse=True)
def fresh_module(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "mine", raising=False)


def write(error: str) -> None:
    """Write mine.py, in which everything is broken by an error of a kind."""
    text = MINE.replace("ERROR", ERRORS[error])
    for name in METHODS:
        text += f"class Task_{name}(Regression):\n    {name} = broken\n"
    for name in DATA_METHODS:
        text += f"class Data_{name}(Product):\n    {name} = broken\n"
    Path("mine.py").write_text(text)


def check(error: pytest.ExceptionInfo[BaseException], kind: str) -> None:
    """Check that an error is the owner's, that its traceback ends in the bug, and that nothing came after it."""
    last = traceback.extract_tb(error.value.__traceback__)[-1]
    assert (error.type.__name__, Path(last.filename).name) == (kind, "mine.py")
    assert (last.line or "").endswith("# the bug")


@pytest.mark.parametrize(("place", "kind"), pairs(PLACES, ERRORS))
def test_a_bug_of_the_owner_is_a_traceback_that_ends_in_it(place: str, kind: str) -> None:
    write(kind)
    command, arguments = PLACES[place]
    if command != "fit":
        assert main([*FIT, *arguments, *NO_DASHBOARD]) == 0
    words = [*FIT, *arguments, *NO_DASHBOARD] if command == "fit" else [command, "--run", "product"]
    with pytest.raises(getattr(builtins, kind)) as error:
        main(words)
    check(error, kind)


@pytest.mark.parametrize(("whose", "kind"), pairs(CONSTRUCTORS, [kind for kind in ERRORS if kind != "ValueError"]))
def test_a_bug_in_a_constructor_is_a_traceback_too(whose: str, kind: str) -> None:
    write(kind)
    with pytest.raises(getattr(builtins, kind)) as error:
        main([*FIT, *CONSTRUCTORS[whose], *NO_DASHBOARD])
    check(error, kind)
    assert not RUN.exists()


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        *pairs(["--model", "--data", "--model.network", "--callbacks.mine"], list(ERRORS)),
        *[("--model", "ModuleNotFoundError"), ("--callbacks.mine", "ImportError")],
    ],
)
def test_a_bug_in_the_body_of_a_module_is_a_traceback_too(key: str, kind: str) -> None:
    bug = {**ERRORS, **MISSING}[kind]
    Path("mine.py").write_text(f"{bug}  # the bug\n")
    with pytest.raises(getattr(builtins, kind)) as error:
        main([*FIT, key, "mine.Net", *NO_DASHBOARD])
    check(error, kind)


@pytest.mark.parametrize(
    "arguments",
    [["--model", "mine.Task_training_step"], pytest.param(CONSTRUCTORS["network"], marks=pytest.mark.slow)],
)
def test_the_process_of_a_bug_ends_with_1_and_its_line_last(arguments: list[str], folder: Path) -> None:
    write("TypeError")
    result = spawn(*FIT, *arguments, *NO_DASHBOARD, cwd=folder)
    assert result.exit_code == 1
    *_, line, marks, message = result.err.splitlines()
    assert ERRORS["TypeError"] in line
    assert set(marks) <= set(" ~^")
    assert message.startswith("TypeError: unsupported operand")


def test_a_panel_that_fails_costs_neither_the_training_nor_its_results(capsys: pytest.CaptureFixture[str]) -> None:
    write("KeyError")
    assert main([*FIT, "--config", str(OFF), "--dashboard.mine", "mine.Shown"]) == 1
    shown = capsys.readouterr()
    assert "# the bug" in shown.err
    assert "KeyError: 'mine'" in shown.err
    assert {path.name for path in RUN.iterdir()} >= {"metrics.csv", "run.json", "config.yaml", "checkpoints"}
    assert '"finished"' in (RUN / "run.json").read_text()
    assert (RUN / "checkpoints/best.ckpt").is_file()
    assert main(["test", "--run", "product", "--dashboard.mine", "null"]) == 0


REFUSES = """
from torch import nn
class Net(nn.Module):
    def __init__(self, width: int = 3) -> None:
        raise ValueError(f"width must be even: {width}")
"""
MISTAKES = {
    "a value that a constructor refuses": (["--model.network", "mine.Net"], "width must be even: 3"),
    "a wrong type": (["--data.batch_size", "many"], "data.batch_size: expected int, got 'many'"),
    "an unknown key": (["--model.l3", "1"], "Regression has no model.l3"),
    "a misspelt class": (["--data", "app.data.mnist.MNISTT"], "did you mean app.data.mnist.MNIST?"),
    "a misspelt module": (["--data", "app.data.mnst.MNIST"], "did you mean app.data.mnist.MNIST?"),
    "a module that does not exist": (["--data", "mine_that_is_missing.Data"], "No module named 'mine_that_is_missing'"),
    "a class that is not there": (["--model.network", "mine.Nett"], "did you mean mine.Net?"),
    "a network of another size": (["--model.network.in_features", "3"], "network.in_features is 3, that of the data"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_user_is_a_message(mistake: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.py").write_text(REFUSES)
    arguments, words = MISTAKES[mistake]
    assert main([*FIT, *arguments, *NO_DASHBOARD]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert words in message
    assert len(message.splitlines()) <= 2
    assert not RUN.exists()
