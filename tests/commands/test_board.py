"""`board`: TensorBoard on the project's runs, on this machine alone."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import BRIEF, PRODUCT, PROJECT, Result, spawn

App = Callable[..., Result]
pytestmark = pytest.mark.dashboard


@contextmanager
def board(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str, str]]:
    """Yield the process, what it printed and its address."""
    command = [sys.executable, "-m", "app", "board", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as server:
        try:
            assert server.stdout is not None
            lines = []
            for line in server.stdout:
                lines.append(line)
                if "Ctrl-C" in line:
                    break
            printed = "".join(lines)
            address = re.search(r"TensorBoard: (http://127\.0\.0\.1:\d+/)", printed)
            assert address, printed
            yield server, printed, address[1]
        finally:
            server.kill()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(answer.read().decode())


def test_it_serves_the_runs_and_says_how_they_went(app: App) -> None:
    for epochs in ("60", "4"):
        assert app("fit", "--config", PRODUCT, "--trainer.max_epochs", epochs).exit_code == 0
    with board() as (server, printed, address):
        assert "product/version_1  finished  val/loss" in printed
        assert "healthy" in printed  # of the first
        assert "too short to judge" in printed  # the second, which ends too soon
        assert "look at first" in printed
        assert titles(printed) == ["product/version_1", "product/version_0"]  # the newest first
        deadline = time.monotonic() + 30
        while "product/version_1" not in get(address + "data/runs") and time.monotonic() < deadline:
            time.sleep(0.2)
        assert '"product/version_0"' in get(address + "data/runs")
        port = int(address.split(":")[2].strip("/"))
        with socket.socket() as other:  # connects to a server that listens to more than 127.0.0.1
            assert other.connect_ex(("127.0.0.2", port)) != 0
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    with board("product/version_0") as (server, printed, address):
        assert titles(printed) == ["product/version_0"]
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
        assert server.stdout is not None
        assert "error" not in server.stdout.read()


def test_all_runs_that_are_named_are_shown_in_that_order(folder: Path) -> None:
    for number in range(12):
        run = folder / "lightning_logs" / "line" / f"version_{number}"
        run.mkdir(parents=True)
        (run / "config.yaml").write_text("{}")
        best = {"monitor": "val/mae", "score": number / 4, "epoch": number}
        (run / "run.json").write_text(json.dumps({"status": "finished", "best": best}))
    names = [f"line/version_{number}" for number in (3, 11, 0, 5, 4, 1, 2, 10, 9, 8, 7, 6)]
    with board(*names[:2], "--run", *names[2:]) as (_, printed, _):
        assert titles(printed) == names
        assert printed.startswith("12 runs")
        assert "val/mae 0.75 (epoch 3)" in printed
    with board() as (_, printed, _):
        assert len(titles(printed)) == 10
        assert printed.startswith("newest 10 of 12 runs")


def titles(printed: str) -> list[str]:
    """Return the runs in the table."""
    return re.findall(r"^\S+/version_\d+", printed, re.MULTILINE)


WRONG = {
    "no runs": ([], "no runs in lightning_logs. Train one"),
    "unknown run": (["--run", "prodct"], "no run prodct"),
    "unknown option": (["--prot", "1"], "--prot"),
    "unusable port": (["--port", "99999999"], "99999999"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_named(case: str, app: App, folder: Path) -> None:
    arguments, words = WRONG[case]
    if case == "unusable port":
        assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    result = spawn("board", *arguments, cwd=folder)
    assert result.exit_code == 2
    assert words in result.err
    assert len(result.err.splitlines()) <= 2


def test_the_command_is_in_the_help(app: App) -> None:
    assert "look at runs in TensorBoard" in app().out


@pytest.mark.slow
def test_a_browser_shows_curves_images_and_hyperparameters(app: App, tmp_path: Path) -> None:
    browser = pytest.importorskip("support.browser", reason="selenium is not installed")
    threshold = PROJECT / "configs" / "threshold.yaml"
    for config in (PRODUCT, threshold):
        assert app("fit", "--config", config, "--trainer.max_epochs", "40").exit_code == 0
        assert app("test", "--run", config.stem).exit_code == 0
    with board() as (_, _, address), browser.opened() as driver:
        shown = browser.tab(driver, address, "custom_scalars", "training and validation", "accuracy", "mae")
        assert "product/version_0" in shown
        assert browser.drawn_charts(driver) >= 4
        shown = browser.tab(driver, address, "images", "test/confusion", "test/fit")
        assert browser.loaded_images(driver) >= 2
        shown = browser.tab(driver, address, "hparams", "optimizer.lr", "test/mae", "test/accuracy")
        for words in ("Adam", "product/version_0", "threshold/version_0"):
            assert words in shown
        assert "-1.0000" not in shown
