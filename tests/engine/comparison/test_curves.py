from pathlib import Path

import numpy as np
import pytest
from support.synthetic import metrics_csv, synthetic

from engine.comparison import curves
from engine.errors import UsageError

FOLDER = Path("lightning_logs/a/version_0")


def test_curves_are_over_epochs_trained() -> None:
    synthetic(FOLDER, curves={"train/loss": [3, 2, 1], "val/loss": [None, 5, None], "test/loss": [None, None, 9]})
    found = curves.read(FOLDER)
    assert list(found) == ["train/loss", "val/loss"]
    assert [part.tolist() for part in found["train/loss"]] == [[1, 2, 3], [3, 2, 1]]
    assert [part.tolist() for part in found["val/loss"]] == [[2], [5]]


def test_a_number_of_a_single_step_lies_inside_its_epoch() -> None:
    synthetic(FOLDER)
    text = "epoch,step,train/loss,train/gradient_norm\n,4,,7\n0,9,2,\n,14,,8\n1,19,1,\n,29"
    (FOLDER / "metrics.csv").write_text(text)
    assert [part.tolist() for part in curves.read(FOLDER)["train/gradient_norm"]] == [[0.5, 1.5], [7, 8]]


def test_a_number_that_is_not_finite_leaves_a_gap() -> None:
    synthetic(FOLDER)
    (FOLDER / "metrics.csv").write_text("epoch,step,train/loss\n0,9,1\n1,19,nan\n2,29,inf\n")
    assert [part.tolist() for part in curves.read(FOLDER)["train/loss"]] == [[1], [1]]


@pytest.mark.parametrize("text", ["", "epoch,step\n", "epoch\n1\n", "epoch,step,train/loss\n"])
def test_a_file_without_curves_has_none(text: str) -> None:
    synthetic(FOLDER)
    assert curves.read(FOLDER) == {}
    (FOLDER / "metrics.csv").write_text(text)
    assert curves.read(FOLDER) == {}


def test_a_band_says_how_many_seeds_are_left() -> None:
    short = (np.array([1.0, 2.0]), np.array([4.0, 2.0]))
    long = (np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 1.0]))
    band = curves.band([short, long])
    assert band.epochs.tolist() == [1, 2, 3]
    assert band.mean.tolist() == [3, 3, 1]
    assert band.low.tolist() == [2, 2, 1]
    assert band.high.tolist() == [4, 4, 1]
    assert band.n.tolist() == [2, 2, 1]


def test_a_curve_is_asked_for_by_the_end_of_its_name() -> None:
    names = ["train/loss", "val/loss", "train/gradient_norm", "learning_rate"]
    assert curves.resolve("gradient_norm", names) == "train/gradient_norm"
    assert curves.resolve("learning_rate", names) == "learning_rate"
    with pytest.raises(UsageError, match="several names: train/loss, val/loss"):
        curves.resolve("loss", names)
    with pytest.raises(UsageError, match="no run has logged learning_rte; did you mean learning_rate"):
        curves.resolve("learning_rte", names)


def test_a_path_is_one_number_against_another_where_both_were_logged() -> None:
    names = ["train/x", "train/y", "train/loss", "val/loss"]
    assert curves.resolve("y against train/x", names) == "train/y against train/x"
    with pytest.raises(UsageError, match="no run has logged z"):
        curves.resolve("z against x", names)
    logged = {
        "train/x": (np.array([1.0, 2, 3]), np.array([5.0, 3, 4])),
        "train/y": (np.array([2.0, 3, 4]), np.array([7.0, 6, 8])),
    }
    path = curves.find(logged, "train/y against train/x")
    assert path is not None
    assert [part.tolist() for part in path] == [[3, 4], [7, 6]]  # in the order of the steps, not of x
    logged["train/x"] = (np.array([2.0, 3, 3]), np.array([5.0, 3, 4]))  # the last after the last epoch
    logged["train/y"] = (np.array([2.0, 3, 3]), np.array([7.0, 6, 8]))
    path = curves.find(logged, "train/y against train/x")
    assert path is not None
    assert [part.tolist() for part in path] == [[5, 3, 4], [7, 6, 8]]
    assert curves.find(logged, "train/y against train/z") is None
    assert curves.find(logged, "train/y") is logged["train/y"]


def test_the_usual_curves_are_losses_metrics_learning_rate_and_norms() -> None:
    names = ["train/gradient_norm", "train/loss_step", "learning_rate", "train/loss", "val/loss", "val/accuracy"]
    names += [f"val/accuracy_{name}" for name in "abc"] + ["val/loss_ratio", "train/weight_norm"]
    expected = ["train/loss", "val/loss", "val/accuracy", "learning_rate", "train/gradient_norm", "train/weight_norm"]
    assert curves.usual(names) == expected
    assert curves.usual(["train_loss", "train_loss_step", "val_loss", "valid_f1", "lr-Adam"]) == [
        "train_loss",
        "val_loss",
        "valid_f1",
        "lr-Adam",
    ]


def test_a_name_becomes_that_of_a_file() -> None:
    assert curves.file_name("val/accuracy of 猫?") == "val_accuracy_of_猫_"
    assert metrics_csv({"a": [1]}) == "epoch,step,a\n0,9,1\n"
