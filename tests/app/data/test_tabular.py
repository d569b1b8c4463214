from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support import PROJECT, Result, read_csv

from app.data.tabular import Tabular
from engine.data import Table
from engine.errors import DataError, UsageError

App = Callable[..., Result]
HEADER = "a,b,kind,price\n"


def table(rows: int = 40) -> str:
    return HEADER + "".join(f"{row},{row % 7}.5,{'xyz'[row % 3]},{3 * row}\n" for row in range(rows))


@pytest.fixture
def path(folder: Path) -> Path:
    (folder / "mine.csv").write_text(table())
    return folder / "mine.csv"


@pytest.mark.parametrize("target", ["price", 3, -1, "3", "-1", None])
def test_the_target_is_chosen_by_name_or_position(target: str | int | None, path: Path) -> None:
    data = Tabular(str(path), target=target, features=["a", "b"])
    inputs, targets = data.build("train")
    torch.testing.assert_close(targets, 3 * inputs[:, :1])


def test_text_targets_are_classes_with_the_same_shares_in_every_split(path: Path) -> None:
    data = Tabular(str(path), target="kind", features=["a", "b"])
    parts = [data.build("train"), data.build("val"), data.build("test")]
    assert data.class_names == ("x", "y", "z")
    assert [len(inputs) for inputs, _ in parts] == [24, 8, 8]
    for _, labels in parts:
        counts = labels.bincount(minlength=3).double()
        assert (counts - len(labels) / 3).abs().max() <= 1
    rows = [tuple(row) for inputs, _ in parts for row in inputs.tolist()]
    assert len(rows) == len(set(rows)) == 40


def test_features_default_to_all_other_columns(path: Path) -> None:
    path.write_text("a,b,c\n" + "1,2,3\n4,5,6\n" * 10)
    data = Tabular(str(path))
    assert data.in_features == 2
    assert data.feature_names == ("a", "b")


def test_numbers_can_be_classes_when_the_kind_says_so(path: Path) -> None:
    path.write_text("a,b\n" + "1,0\n2,10\n3,2\n" * 10)
    data = Tabular(str(path), kind="classification")
    assert data.class_names == ("0", "2", "10")


WRONG: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "an unknown feature": (table(), {"features": ["aa"]}, ["no column aa", "did you mean a?"]),
    "a position that is not there": (table(), {"target": 9}, ["4 columns", "no column 9"]),
    "a blank label": (table() + "1,2, ,3\n", {"target": "kind"}, ["row 41", "column kind is blank"]),
    "a row cut short": (table() + "1,2,x\n", {}, ["row 41", "column price is blank"]),
    "rows longer than the header": ("a,b\n" + "1,2,3\n" * 30, {}, ["more values in a row than the 2 columns"]),
    "row numbers without a header": ("a,b\n" + "".join(f"{row},2,3\n" for row in range(30)), {}, ["more values in a"]),
    "semicolons": (table().replace(",", ";"), {}, ["commas", "semicolons"]),
    "semicolons and decimal commas": ("a;b;price\n" + "1,5;2,5;3\n" * 30, {}, ["semicolons"]),
    "tabs": (table().replace(",", "\t"), {}, ["commas", "tabs"]),
    "one column": ("price\n" + "1\n" * 30, {"features": None}, ["one column only, price"]),
    "two columns of one name": ("a,a,b\n1,2,3\n", {}, ["twice"]),
    "too few rows": (HEADER + "1,2,x,3\n", {}, ["1 samples cannot be split into train and val and test", "test_size"]),
    "too few rows to validate": (HEADER + "1,2,x,3\n" * 3, {"val_size": 0.1}, ["2 samples", "with 0 for val"]),
    "a class too rare": (table() + "1,2,w,3\n" * 2, {"target": "kind"}, ["class 'w' has 2 of 42", "at least 3"]),
    "fewer to test than classes": (table(9), {"target": "kind"}, ["with 2 for test", "one of each class", "test_size"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_named_with_row_and_column(case: str, path: Path) -> None:
    text, arguments, words = WRONG[case]
    path.write_text(text)
    data = Tabular(str(path), **{"target": "price", "features": ["a", "b"], **arguments})
    with pytest.raises(DataError) as error:
        data.build("train")
    for word in ["mine.csv", *words]:
        assert word in str(error.value)


SPELLINGS = ["1", "-0", "+5", "007", " 1.5", "1.5 ", "1e3", "1E-2", ".5", "1.", "0.1", "3.4e38", "1e-45", '"2.5"']
SPELLINGS += ["16777217", "33554433.0000001", "9007199254740993", "18446744073709551616", "0.30000000000000004"]


def test_numbers_are_what_python_takes_them_for(path: Path) -> None:
    path.write_text("a,b\n" + "".join(f"{text},1\n" for text in SPELLINGS))
    expected = torch.tensor([float(text.strip('"')) for text in SPELLINGS])
    assert Table(path).numbers(["a"])[:, 0].tolist() == expected.tolist()


def test_a_file_is_read_when_it_is_first_asked_for_and_once(path: Path) -> None:
    path.unlink()
    data = Tabular(str(path))
    path.write_text("a,b,c\n" + "1,2,3\n4,5,6\n" * 10)
    assert data.features == ["a", "b"]
    path.unlink()
    assert (data.target, data.kind, data.classes, data.in_features) == ("c", "regression", None, 2)


@pytest.mark.parametrize("target", ["b", "1", 1])
def test_the_target_is_no_feature(target: str | int, path: Path) -> None:
    with pytest.raises(UsageError, match="b is the target"):
        Tabular(str(path), target=target, features=["a", "b"]).rows  # noqa: B018


@pytest.mark.parametrize("features", [["a", "a"], []])
def test_features_are_one_or_more_different_columns(features: list[str]) -> None:
    with pytest.raises(ValueError, match=r"features must be one or more different columns: \["):
        Tabular(features=features)


def test_own_files_by_arguments_alone(path: Path, app: App, folder: Path) -> None:
    own = ["--data.init_args.path", "mine.csv", "--data.init_args.target", "kind", "--data.init_args.features", "[a,b]"]
    fitted = app("fit", "--config", PROJECT / "configs/tabular_classes.yaml", *own, "--trainer.max_epochs", "2")
    assert fitted.exit_code == 0, fitted.err
    (folder / "new.csv").write_text("b,a\n1,2\n3,4\n5,6\n")
    predicted = app("predict", "--run", "tabular_classes", "--data.init_args.path", "new.csv")
    assert predicted.exit_code == 0, predicted.err
    rows = read_csv(folder / "lightning_logs/tabular_classes/version_0/predictions.csv")
    assert list(rows[0]) == ["predicted", "p_x", "p_y", "p_z"]
    assert len(rows) == 3
    app("predict", "--run", "tabular_classes")
    rows = read_csv(folder / "lightning_logs/tabular_classes/version_0/predictions.csv")
    assert len(rows) == 8


def test_a_regression_without_targets_has_no_error_column(app: App, folder: Path) -> None:
    fitted = app("fit", "--config", PROJECT / "configs/tabular.yaml", "--trainer.max_epochs", "2")
    assert fitted.exit_code == 0, fitted.err
    (folder / "new.csv").write_text("area_m2,rooms,age_years,distance_km\n100,3,10,5\n")
    predicted = app("predict", "--run", "tabular", "--data.init_args.path", "new.csv")
    assert predicted.exit_code == 0, predicted.err
    rows = read_csv(folder / "lightning_logs/tabular/version_0/predictions.csv")
    assert list(rows[0]) == ["area_m2", "rooms", "age_years", "distance_km", "predicted"]
    assert rows[0]["area_m2"] == "100.0"
