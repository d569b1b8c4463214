"""TensorBoard events are buffered for a second at most, and none is lost."""

import pickle
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from engine.logs import tensorboard
from engine.logs.tensorboard import TensorBoard


def logger(folder: Path, purge_step: int | None = 0) -> TensorBoard:
    """Return a logger that writes into a folder; without a purge_step, it is that of an evaluation."""
    board = TensorBoard()
    board.begin(folder, purge_step)
    return board


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    """Return the steps and values of a curve."""
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return [(event.step, event.value) for event in read.Scalars(tag)]


def test_curves_are_whole_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "INTERVAL", 0.002)  # the timer's thread passes on what this one adds
    board = logger(tmp_path)
    for step in range(3000):
        board.log_metrics({"train/loss": step / 2, "train/rate": -step}, step)
    board.finalize("success")
    assert scalars(tmp_path, "train/loss") == [(step, step / 2) for step in range(3000)]
    assert scalars(tmp_path, "train/rate") == [(step, -step) for step in range(3000)]


def test_a_step_is_one_event(tmp_path: Path) -> None:
    board = logger(tmp_path)
    board.log_metrics({"val/loss": 1.0, "val/mae": 2.0}, 7)
    board.log_metrics({"epoch": 3, "learning_rate": 0.5}, 7)
    board.log_metrics({"val/loss": 0.5}, 8)
    board.finalize("success")
    [path] = tmp_path.glob("events*")
    shown = [event for event in _events(path) if event.HasField("summary")]
    assert [[value.tag for value in event.summary.value] for event in shown] == [
        ["val/loss", "val/mae", "learning_rate"],
        ["val/loss"],
    ]


def test_an_event_that_no_other_follows_is_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "INTERVAL", 0.05)
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

    monkeypatch.setattr(tensorboard, "INTERVAL", 0.01)
    uncaught: list[object] = []
    monkeypatch.setattr(threading, "excepthook", uncaught.append)
    events = tensorboard.EventBuffer(Full())
    events.add_event(Event(step=1))
    time.sleep(0.2)
    assert not uncaught
    with pytest.raises(OSError, match="No space"):
        events.flush()


def test_tensorboard_hides_what_a_killed_run_logged_after_its_checkpoint() -> None:
    for begin, purge_step in ((0, 0), (2, 2)):
        board = logger(Path(), purge_step)
        for step in range(begin, 4):
            board.log_metrics({"a": float(step + begin)}, step)
        board.finalize("success")
        in_order(Path())
    assert scalars(Path(), "a") == [(0, 0.0), (1, 1.0), (2, 4.0), (3, 5.0)]


def test_events_that_were_cut_hide_none_of_those_before_or_after() -> None:
    for begin in (0, 2):
        board = logger(Path(), begin)
        for step in range(begin, 4):
            board.log_metrics({"a": float(step)}, step)
        board.finalize("success")
        in_order(Path())
        if begin == 0:
            torn = next(Path().glob("events*"))
            torn.write_bytes(torn.read_bytes()[:-5])
    assert [step for step, _ in scalars(Path(), "a")] == [0, 1, 2, 3]


def test_tests_of_two_checkpoints_draw_no_line_back_to_an_earlier_step(tmp_path: Path) -> None:
    board = logger(tmp_path)
    for step in range(10):
        board.log_metrics({"train/loss": 1.0, "epoch": step // 2}, step)
    board.finalize("success")
    in_order(tmp_path)
    for step, loss in ((9, 0.5), (3, 0.25)):
        evaluation = logger(tmp_path, None)
        evaluation.log_metrics({"test/loss": loss, "epoch": step // 2}, step)
        evaluation.finalize("success")
    assert scalars(tmp_path, "test/loss") == [(3, 0.25)]
    assert sorted(_tags(tmp_path)) == ["test/loss", "train/loss"]
    assert len(list(tmp_path.glob("events*"))) == 2


def test_a_test_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    for status in ("success", "failed"):
        evaluation = logger(tmp_path, None)
        evaluation.log_metrics({"test/loss": 0.5}, 9)
        evaluation.finalize(status)
    assert len(list(tmp_path.glob("events*"))) == 2


def test_code_of_a_user_finds_the_logger_of_lightning(tmp_path: Path) -> None:
    board = logger(tmp_path)
    assert isinstance(board, TensorBoardLogger)
    board.log_hyperparams({"lr": 0.1}, {"score": 1.0})
    board.log_metrics({"both": {"a": 1.0, "b": 2.0}}, 3)
    board.experiment.add_text("note", "hello", 3)
    pickle.loads(pickle.dumps(board)).experiment.close()
    board.finalize("success")
    assert scalars(tmp_path, "score") == [(0, 1.0)]
    assert scalars(tmp_path / "both_a", "both") == [(3, 1.0)]


def in_order(folder: Path) -> None:
    """Give the newest file a name that is read last: writers of the same second are told apart by a number alone."""
    for path in folder.glob("events.out.tfevents.*.*"):
        path.rename(folder / f"events.out.tfevents.{time.monotonic_ns():020}")


def _tags(folder: Path) -> list[str]:
    tags: list[str] = EventAccumulator(str(folder)).Reload().Tags()["scalars"]
    return tags


def _events(path: Path) -> list[Any]:
    return list(LegacyEventFileLoader(str(path)).Load())
