"""Loggers of Lightning and of one's own, beside the default ones or in their place."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Result, brought, read_csv
from support.events import scalars, text

App = Callable[..., Result]
RUN = Path("lightning_logs/plain/version_0")
CSV = {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "logs"}}
OWN = {"class_path": "plain.Own"}
OWN_LOGGER = """
class Own(pl.loggers.Logger):
    name, version = "own", 0

    def log_hyperparams(self, params):
        pass

    def log_metrics(self, metrics, step):
        with open("own.txt", "a") as file:
            print(step, *metrics, file=file)
"""


@pytest.fixture(autouse=True)
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize("logger", [CSV, OWN, [CSV, OWN], True, False], ids=str)
def test_loggers_in_place_of_the_default_ones(logger: Any, app: App, folder: Path) -> None:
    config = brought.write(folder, OWN_LOGGER, logger=logger)
    for words in (["--config", config], ["--run", "plain", "--trainer.max_epochs", "3"]):
        result = app("fit", *words)
        assert result.exit_code == 0, result.err
    assert app("test", "--run", "plain").exit_code == 0
    assert (RUN / "metrics.csv").is_file() == (logger is True)
    if logger == CSV:
        assert "val/loss" in read_csv(Path("logs/lightning_logs/version_0/metrics.csv"))[0]
    if logger == OWN:
        assert "val/loss" in Path("own.txt").read_text()


def test_a_logger_beside_the_default_ones(app: App, folder: Path) -> None:
    beside: Any = {"logger+": OWN}
    result = app("fit", "--config", brought.write(folder, OWN_LOGGER, **beside))
    assert result.exit_code == 0, result.err
    assert "val/loss" in Path("own.txt").read_text()
    assert "val/loss" in read_csv(RUN / "metrics.csv")[0]
    assert list(RUN.glob("events.*"))


EXPERIMENTS = """
class Draws(Net):
    def training_step(self, batch, batch_idx):
        for logger in self.loggers:
            logger.experiment.add_scalar("each", 1.0, self.global_step)
        return super().training_step(batch, batch_idx)

    def on_train_epoch_end(self):
        self.logger.experiment.add_text("mine", "a text", self.global_step)
        self.logger.experiment.add_scalar("mine", 2.0, self.global_step)
"""


def test_a_module_writes_to_the_experiment_of_every_logger(app: App, folder: Path) -> None:
    result = app("fit", "--config", brought.write(folder, EXPERIMENTS, model="Draws"))
    assert result.exit_code == 0, result.err
    assert scalars(RUN, "each") == dict.fromkeys(range(16), 1.0)
    assert scalars(RUN, "mine") == {8: 2.0, 16: 2.0}
    assert text(RUN, "mine") == "a text"


@pytest.mark.parametrize("name", ["MLFlowLogger", "WandbLogger"])
def test_a_logger_whose_package_is_missing_says_which_and_how_to_get_it(name: str, app: App, folder: Path) -> None:
    if find_spec(name.removesuffix("Logger").lower()):
        pytest.skip("it is installed")
    result = app("fit", "--config", brought.write(folder, logger={"class_path": f"lightning.pytorch.loggers.{name}"}))
    assert result.exit_code == 2
    [line] = result.err.splitlines()
    assert line.startswith(f"error: {name}: ")
    assert "pip install" in line
    assert not RUN.exists()


BROKEN = """
import os


class Unreachable(pl.loggers.CSVLogger):
    def __init__(self, key="TOKEN_THAT_IS_MISSING"):
        self.token = os.environ[key]  # the bug


class Refuses(pl.Callback):
    def __init__(self, width: int = 3):
        raise ValueError(f"a width of {width}:\\nsecond line\\nthird line\\nfourth")
"""


@pytest.mark.parametrize("section", ["trainer.logger", "trainer.logger+", "trainer.callbacks", "callbacks.mine"])
def test_a_bug_in_the_constructor_of_a_part_keeps_its_traceback(section: str, app: App, folder: Path) -> None:
    broken = BROKEN if "logger" in section else BROKEN.replace("pl.loggers.CSVLogger", "pl.Callback")
    config = brought.write(folder, broken)
    with pytest.raises(KeyError, match="TOKEN_THAT_IS_MISSING") as error:
        app("fit", "--config", config, f"--{section}", "plain.Unreachable")
    assert any(str(entry.path) == str(folder / "plain.py") for entry in error.traceback)


def test_what_a_constructor_refuses_keeps_its_lines_and_its_place(app: App, folder: Path) -> None:
    config = brought.write(folder, BROKEN)
    for section in ("trainer.callbacks", "callbacks.mine"):
        result = app("fit", "--config", config, f"--{section}", "plain.Refuses")
        assert result.exit_code == 2
        assert result.err.splitlines()[:3] == ["error: a width of 3:", "second line", "third line"]
        assert f"fourth ({folder / 'plain.py'}, line " in result.err


LIBRARY = """
class Client:
    def __init__(self, host: str = "tracker"):
        raise {error}


class ClientLogger(Client, Base):
    pass
"""


def test_an_error_of_a_library_s_logger_is_named_with_its_class(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.errors.LIBRARIES", (str(folder / "site"),))
    (folder / "site").mkdir()
    monkeypatch.syspath_prepend(folder / "site")
    text = "from lightning.pytorch.loggers import CSVLogger as Base\n" + LIBRARY
    for error, said in (('KeyError("TRACKER_KEY")', "KeyError: 'TRACKER_KEY'"), ('OSError("no route")', "no route")):
        (folder / "site/tracker.py").write_text(text.format(error=error))
        monkeypatch.delitem(sys.modules, "tracker", raising=False)
        result = app("fit", "--config", brought.write(folder, logger=True), "--trainer.logger", "tracker.ClientLogger")
        assert result.exit_code == 2, result.err
        assert result.err.startswith("error: ClientLogger: ")
        assert said in result.err


def test_the_settings_that_are_kept_name_the_loggers(app: App, folder: Path) -> None:
    assert app("fit", "--config", brought.write(folder, OWN_LOGGER, logger=OWN)).exit_code == 0
    assert yaml.safe_load((RUN / "config.yaml").read_text())["trainer"]["logger"]["class_path"] == "plain.Own"
