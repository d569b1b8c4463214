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


COLOURS, SIZES = ("red", "blue", " red ", ""), range(60)
MIXED = "colour,size,gap,y,warm,wet\n" + "".join(
    f"{COLOURS[n % 4]},{n},{n % 7 if n % 5 else ''},{3 * n},{n % 2},{'no' if n % 3 else 'yes'}\n" for n in SIZES
)
MIX: dict[str, Any] = {"features": ["colour", "size", "gap"], "target": "y", "categories": "auto", "impute": "median"}


@pytest.fixture
def mixed(folder: Path) -> Path:
    (folder / "mine.csv").write_text(MIXED)
    return folder / "mine.csv"


def test_several_targets_are_columns_by_name_or_position(mixed: Path) -> None:
    data = Tabular(str(mixed), target=["y", 1], features=["colour"], categories="auto")
    assert (data.target, data.out_features, data.kind) == (["y", "size"], 2, "regression")
    inputs, targets = data.build("train")
    torch.testing.assert_close(targets[:, 0], 3 * targets[:, 1])
    assert len(inputs) == 36


@pytest.mark.parametrize(
    ("target", "kind"), [(["warm", "wet"], "multilabel"), (["warm", "size"], "regression"), ("warm", "regression")]
)
def test_several_columns_of_yes_and_no_are_labels(target: Any, kind: str, mixed: Path) -> None:
    data = Tabular(str(mixed), target=target, features=["gap"], impute="median")
    assert data.kind == kind
    assert data.labels == (["warm", "wet"] if kind == "multilabel" else None)
    targets = data.build("test")[1]
    assert targets.is_floating_point() == (kind == "regression")


def test_categories_are_those_of_the_training_split_and_others_are_unknown(mixed: Path) -> None:
    lines = MIXED.splitlines()
    test = Tabular(str(mixed), **MIX)._chosen("test", torch.zeros(60, 1), None).tolist()
    for row in test[:3]:
        lines[row + 1] = "green" + lines[row + 1][lines[row + 1].index(",") :]
    mixed.write_text("\n".join(lines) + "\n")
    data = Tabular(str(mixed), **MIX)
    assert data.categories == {"colour": ["", "blue", "red"]}
    assert data.category_sizes == [4, 0, 0]
    colours = {"": 1, "blue": 2, "red": 3, "green": 0}
    expected = [colours[line.split(",")[0].strip()] for line in lines[1:]]
    assert data.rows.inputs[:, 0].tolist() == expected
    assert data.rows.inputs[:, 2].isnan().tolist() == [row % 5 == 0 for row in range(60)]


def test_another_file_gets_the_numbers_of_the_categories_that_were_trained(mixed: Path, folder: Path) -> None:
    (folder / "new.csv").write_text("gap,size,colour\n,1,blue\n3,2,black\n")
    settings = {**MIX, "categories": {"colour": ["blue", "red"]}, "kind": "regression", "all_rows": True}
    data = Tabular("new.csv", **settings)
    [inputs] = data.predicted().tensors
    assert inputs[:, :2].tolist() == [[1, 1], [0, 2]]
    changed = Tabular.for_other_data({"path": "new.csv", "target": ["y", 1], "categories": "auto"}, settings)
    assert changed == {"all_rows": True, "categories": {"colour": ["blue", "red"]}, "target": "y"}


def test_inputs_of_the_command_may_have_texts_and_gaps(mixed: Path) -> None:
    data = Tabular(str(mixed), **MIX, inputs="colour=blue,size=4,gap=")
    [[inputs]] = list(data.predict_dataloader())
    assert inputs[0, :2].tolist() == [2, 4]
    assert inputs[0, 2].isnan()
    with pytest.raises(UsageError, match="column size: 'big' is not a finite number"):
        Tabular(str(mixed), **MIX, inputs="colour=blue,size=big,gap=").predict_dataloader()


WRONG_MIX: dict[str, tuple[dict[str, Any], list[str]]] = {
    "text that nobody asked for": (
        {"categories": None},
        ["'red' is not", "--data.categories '[colour]'", "mixed_columns"],
    ),
    "a gap that nothing fills": ({"impute": "none"}, ["row 1, column gap: ''", "to fill gaps: --data.impute median"]),
    "a category that is no feature": (
        {"categories": ["color"]},
        ["color is none of the features", "did you mean colour?"],
    ),
    "dates": ({"features": ["day", "size"]}, ["column day holds dates", "--data.features"]),
    "dates that nobody asked for": ({"features": ["day", "size"], "categories": None}, ["column day holds dates"]),
    "names": ({"features": ["name", "size"]}, ["column name has no text twice in the training split"]),
    "nothing in the training split": ({"features": ["none", "size"]}, ["column none has no number in the training"]),
    "a mistake in a number": ({"features": ["typo", "size"]}, ["row 3, column typo: '12O' is not a finite number"]),
    "a label that is always there": (
        {"target": ["warm", "one"], "kind": "multilabel"},
        ["column one is '1' in all rows"],
    ),
    "a number as a label": ({"target": ["warm", "y"], "kind": "multilabel"}, ["row 2, column y: '3' is neither yes"]),
    "a target twice": ({"target": ["y", 3]}, ["names a column twice: y, y"]),
    "several classes": (
        {"target": ["warm", "wet"], "kind": "classification"},
        ["labels of yes and no", "multilabel.yaml"],
    ),
    "text as a number": ({"target": ["y", "wet"], "kind": "regression"}, ["row 1, column wet: 'yes' is not"]),
    "yes as a number": ({"target": ["warm", "wet"], "kind": "regression"}, ["'yes' is not", "configs/multilabel.yaml"]),
}


@pytest.mark.parametrize("case", WRONG_MIX)
def test_what_a_mixed_table_cannot_be_is_named(case: str, mixed: Path) -> None:
    arguments, words = WRONG_MIX[case]
    lines = [
        f"{line},2024-01-{1 + row % 28:02},n{row},,{'12O' if row == 2 else row},1"
        for row, line in enumerate(MIXED.splitlines()[1:])
    ]
    mixed.write_text("\n".join([MIXED.splitlines()[0] + ",day,name,none,typo,one", *lines]) + "\n")
    with pytest.raises((DataError, UsageError)) as error:
        Tabular(str(mixed), **{**MIX, **arguments}).rows  # noqa: B018
    for word in words:
        assert word in str(error.value)
