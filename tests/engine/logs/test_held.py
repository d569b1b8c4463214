"""Events are held for a second at most, and none is lost."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from engine.logs import held
from engine.logs.tensorboard import TensorBoard


def logger(folder: Path) -> TensorBoard:
    """Return a logger that writes into a folder."""
    board = TensorBoard()
    board.begin(folder)
    return board


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    """Return the steps and values of a curve."""
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return [(event.step, event.value) for event in read.Scalars(tag)]


def test_curves_are_whole_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "INTERVAL", 0.002)  # the timer's thread passes on what this one adds
    board = logger(tmp_path)
    for step in range(3000):
        board.log_metrics({"train/loss": step / 2, "train/rate": -step}, step)
    board.finalize("success")
    assert scalars(tmp_path, "train/loss") == [(step, step / 2) for step in range(3000)]
    assert scalars(tmp_path, "train/rate") == [(step, -step) for step in range(3000)]


def test_a_step_is_one_event(tmp_path: Path) -> None:
    board = logger(tmp_path)
    board.log_metrics({"val/loss": 1.0, "val/mae": 2.0}, 7)
    board.log_metrics({"epoch": 3}, 7)
    board.log_metrics({"val/loss": 0.5}, 8)
    board.finalize("success")
    [path] = tmp_path.glob("events*")
    shown = [event for event in _events(path) if event.HasField("summary")]
    assert [[value.tag for value in event.summary.value] for event in shown] == [
        ["val/loss", "val/mae", "epoch"],
        ["val/loss"],
    ]


def test_an_event_that_no_other_follows_is_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "INTERVAL", 0.05)
    board = TensorBoard(flush_secs=0)
    board.begin(tmp_path)
    board.log_metrics({"train/loss": 1.0}, 0)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not _tags(tmp_path):
        time.sleep(0.05)
    assert scalars(tmp_path, "train/loss") == [(0, 1.0)]
    board.finalize("success")


def test_flushing_leaves_nothing_behind(tmp_path: Path) -> None:
    board = logger(tmp_path)
    board.log_metrics({"train/loss": 1.0}, 0)
    board.flush()
    assert scalars(tmp_path, "train/loss") == [(0, 1.0)]
    board.finalize("success")


def test_an_error_of_the_writer_reaches_who_flushes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def add_event(self, event: object) -> None:
            raise OSError(28, "No space left on device")

        flush = close = lambda self: self.add_event(None)

    monkeypatch.setattr(held, "INTERVAL", 0.01)
    uncaught: list[object] = []
    monkeypatch.setattr(threading, "excepthook", uncaught.append)
    events = held.HeldEvents(Full())
    events.add_event(Event(step=1))
    time.sleep(0.2)
    assert not uncaught
    with pytest.raises(OSError, match="No space"):
        events.flush()


def _tags(folder: Path) -> list[str]:
    tags: list[str] = EventAccumulator(str(folder)).Reload().Tags()["scalars"]
    return tags


def _events(path: Path) -> list[Any]:
    return list(LegacyEventFileLoader(str(path)).Load())
