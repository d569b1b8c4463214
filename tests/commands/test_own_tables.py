"""People's own CSV files through the command line: fit, test, predict."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from matplotlib.figure import Figure
from support import PROJECT, Result, read_csv

from app.data.tabular import Tabular
from app.figures.plots.regression import scatter
from engine.runs.config_file import dump, flat, read_tree

App = Callable[..., Result]
REGRESSION: list[str | Path] = ["fit", "--config", PROJECT / "configs/tabular.yaml", "--trainer.max_epochs", "2"]
CLASSES: list[str | Path] = ["fit", "--config", PROJECT / "configs/tabular_classes.yaml", "--trainer.max_epochs", "2"]
ROWS = [(f"{row % 9}", f"{row % 7}.5", f"{3 * row}") for row in range(40)]


def write(header: str, *rows: tuple[str, ...] | list[str], name: str = "mine.csv") -> None:
    Path(name).write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")


def run(app: App, *arguments: str | Path, code: int = 0) -> Result:
    result = app(*arguments)
    assert result.exit_code == code, result.err
    return result


def predictions(name: str = "tabular") -> list[dict[str, str]]:
    return read_csv(Path(f"lightning_logs/{name}/version_0/predictions.csv"))


@pytest.mark.parametrize(("position", "name"), [("0", "a"), ("-1", "price"), ("-3", "a")])
def test_a_position_on_the_command_line_becomes_the_name(position: str, name: str, app: App) -> None:
    write("a,b,price", *ROWS)
    own = ["--data.init_args.path", "mine.csv", "--data.init_args.target", position]
    run(app, *REGRESSION, *own)
    settings = flat(read_tree(Path("lightning_logs/tabular/version_0/config.yaml")))
    assert settings["data.init_args.target"] == name
    features = [column for column in ("a", "b", "price") if column != name]
    write(",".join(["other", *features]), *[[str(number), "1", "2"] for number in range(5)], name="new.csv")
    Path("position.yaml").write_text(f"data: {{init_args: {{target: {position}}}}}")
    for again in ([], own[2:], ["--config", "position.yaml"], ["--data.target", "null"]):
        run(app, "predict", "--run", "tabular", "--data.init_args.path", "new.csv", *again)
        assert list(predictions()[0]) == [*features, "predicted"]
        assert len(predictions()) == 5


def test_a_column_with_a_number_for_a_name_is_a_name(app: App) -> None:
    write("a,0", *[row[:2] for row in ROWS])
    run(app, *REGRESSION, "--data.init_args.path", "mine.csv", "--data.init_args.target", "0")
    assert flat(read_tree(Path("lightning_logs/tabular/version_0/config.yaml")))["data.init_args.features"] == ["a"]
    write("b,a", ("1", "2"), ("3", "4"), name="new.csv")
    run(app, "predict", "--run", "tabular", "--data.init_args.path", "new.csv")
    assert list(predictions()[0]) == ["a", "predicted"]


@pytest.mark.parametrize("blanks", [["", ""], ["", "x"], [" ", "y"]])
@pytest.mark.parametrize("start", [REGRESSION, CLASSES])
def test_blank_targets_are_predicted_as_none_and_cannot_be_tested(
    start: list[str | Path], blanks: list[str], app: App
) -> None:
    classes = start is CLASSES
    write("a,b,y", *[(a, b, "xyz"[int(y) // 3 % 3] if classes else y) for a, b, y in ROWS])
    run(app, *start, "--data.init_args.path", "mine.csv", "--data.init_args.target", "y")
    name = "tabular_classes" if classes else "tabular"
    write("a,b,y", *[("1", "2", text if classes or not text.strip() else "7") for text in blanks], name="new.csv")
    new = ["--run", name, "--data.init_args.path", "new.csv"]
    run(app, "predict", *new)
    assert len(predictions(name)) == 2
    assert not {"actual", "label"} & predictions(name)[0].keys()
    assert "new.csv, row 1, column y is blank" in run(app, "test", *new, code=3).err


def test_a_run_of_numbers_does_not_take_text_for_classes(app: App) -> None:
    write("a,b,y", *ROWS)
    run(
        app,
        *REGRESSION,
        "--data.init_args.path",
        "mine.csv",
        "--data.init_args.target",
        "y",
        "--data.init_args.kind=auto",
    )
    write("a,b,y", ("1", "2", "?"), ("1", "2", "3"), name="new.csv")
    assert "row 1, column y" in run(app, "predict", "--run", "tabular", "--data.init_args.path", "new.csv", code=3).err


HARD = [
    "1e3",
    "1E-2",
    "1_0e3",
    "5",
    "1.5",
    "0x1F",
    "true",
    "no",
    "null",
    "~",
    "2020-01-01",
    "12:30",
    "1:30.5",
    "=",
    "é",
]


def test_classes_of_any_name_come_back_as_they_were(app: App) -> None:
    names = [name for name in HARD for _ in range(12)]
    write("a,y", *[(str(row % 5), name) for row, name in enumerate(names)])
    run(app, *CLASSES, "--data.init_args.path", "mine.csv", "--data.init_args.target", "y")
    run(app, "test", "--run", "tabular_classes")
    run(app, "predict", "--run", "tabular_classes")
    rows = predictions("tabular_classes")
    assert list(rows[0])[3:] == [f"p_{name}" for name in sorted(HARD)]
    assert {row["label"] for row in rows} == set(HARD)


def test_saved_settings_are_read_back_by_the_settings_parser() -> None:
    from jsonargparse._loaders_dumpers import yaml_load

    settings = {"texts": HARD, **dict.fromkeys(HARD, 1), "numbers": [1e3, 1e-20, 5, True, None]}
    assert yaml_load(dump(settings)) == settings  # type: ignore[no-untyped-call]
    assert yaml.safe_load(dump(settings)) == settings


def test_another_file_is_tested_whole_and_the_same_in_another_spelling_is_not(app: App, folder: Path) -> None:
    write("a,b,y", *ROWS)
    (folder / "sub").mkdir()
    run(app, *REGRESSION, "--data.init_args.path", "mine.csv", "--data.init_args.target", "y")
    for spelling in ("./mine.csv", "sub/../mine.csv", str(folder / "mine.csv")):
        run(app, "predict", "--run", "tabular", "--data.init_args.path", spelling)
        assert len(predictions()) == 8
    write("a,b,y", *ROWS[:10], name="new.csv")
    new = ["--run", "tabular", "--data.init_args.path", "new.csv"]
    run(app, "test", *new)
    score = json.loads(Path("lightning_logs/tabular/version_0/test.json").read_text())["test/mae"]
    run(app, "predict", *new)
    assert len(predictions()) == 10
    assert score == pytest.approx(sum(float(row["error"]) for row in predictions()) / 10)


def test_a_text_target_points_at_the_config_for_classes(app: App) -> None:
    write("a,y", *[(str(row), "xy"[row % 2]) for row in range(40)])
    result = run(app, *REGRESSION, "--data.init_args.path", "mine.csv", "--data.init_args.target", "y", code=3)
    assert "row 1, column y: 'x'" in result.err
    assert "tabular_classes.yaml" in result.err


def test_zero_and_one_are_classes_to_the_config_for_classes(app: App) -> None:
    write("a,y", *[(str(row), str(row % 2)) for row in range(40)])
    run(app, *CLASSES, "--data.init_args.path", "mine.csv", "--data.init_args.target", "y")


def test_a_table_of_three_rows_is_trained_on_without_validation_and_predicted(app: App) -> None:
    write("x,y", ("1", "3"), ("2", "5"), ("3", "7"))
    none = ["--data.val_size", "0", "--data.test_size", "0"]
    run(app, *REGRESSION, "--data.path", "mine.csv", "--data.target", "y", *none)
    assert "no test split" in run(app, "test", "--run", "tabular", "--ckpt_path", "last", code=2).err
    run(app, "predict", "--run", "tabular", "--ckpt_path", "last")
    assert [row["actual"] for row in predictions()] == ["3.0", "5.0", "7.0"]
    metrics = read_csv(Path("lightning_logs/tabular/version_0/metrics.csv"))
    assert not [name for name in metrics[0] if name.startswith("val/")]


def test_a_table_in_chinese_from_excel(app: App) -> None:
    write("面积,价格", *[(a, y) for a, _, y in ROWS])
    text = Path("mine.csv").read_text(encoding="utf-8")
    Path("mine.csv").write_text(text, encoding="gbk")
    own = ["--data.path", "mine.csv", "--data.target", "价格"]
    assert "--data.encoding gb18030" in run(app, *REGRESSION, *own, code=3).err
    run(app, *REGRESSION, *own, "--data.encoding", "gb18030")
    run(app, "predict", "--run", "tabular")
    assert list(predictions()[0]) == ["面积", "actual", "predicted", "error"]


MIXED: list[str | Path] = ["fit", "--config", PROJECT / "configs/tabular_mixed.yaml", "--trainer.max_epochs", "4"]
HOMES = "小区,面积,楼层,总价,急售"


def homes(name: str = "mine.csv") -> None:
    write(
        HOMES,
        *[
            (("和平里", "翠湖苑", "")[n % 3], "" if n % 5 == 0 else f"{n}.5", f"{n % 9}", f"{3 * n}", "是否"[n % 2])
            for n in range(60)
        ],
        name=name,
    )


def test_a_table_of_texts_and_gaps_is_trained_resumed_and_predicted_without_its_training_file(app: App) -> None:
    homes()
    own = ["--data.path", "mine.csv", "--data.target", "总价", "--data.features", "[小区, 面积, 楼层]"]
    constant: list[str | Path] = ["--model.lr_scheduler", "null"]
    run(app, *MIXED, *own, *constant)
    run(app, *MIXED[:3], "--trainer.max_epochs", "2", *own, *constant, "--name", "half")
    run(app, "fit", "--run", "half", "--trainer.max_epochs", "4")
    weights = [
        torch.load(f"lightning_logs/{name}/version_0/checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for name in ("tabular_mixed", "half")
    ]
    assert all(torch.equal(weights[0][name], value) for name, value in weights[1].items())
    assert weights[0]["network.columns.flagged"].tolist() == [True, False]
    run(app, "test", "--run", "tabular_mixed")
    settings = flat(read_tree(Path("lightning_logs/tabular_mixed/version_0/config.yaml")))
    assert settings["data.init_args.categories.小区"] == ["", "和平里", "翠湖苑"]
    Path("mine.csv").unlink()
    write("楼层,面积,小区", ("3", "", "翠湖苑"), ("4", "NA", "新开盘"), ("5", "7", ""), name="new.csv")
    run(app, "predict", "--run", "tabular_mixed", "--data.path", "new.csv")
    rows = predictions("tabular_mixed")
    assert [row["小区"] for row in rows] == ["翠湖苑", "(unknown)", ""]
    assert [row["面积"] for row in rows] == ["", "", "7.0"]
    assert all(math.isfinite(float(row["predicted"])) for row in rows)
    write("楼层,面积,小区", ("3", "五十", "翠湖苑"), name="new.csv")
    result = run(app, "predict", "--run", "tabular_mixed", "--data.path", "new.csv", code=3)
    assert result.err == "error: new.csv, row 1, column 面积: '五十' is not a finite number\n"


def test_the_same_weights_come_out_whatever_is_done_to_rows_of_validation_and_test(app: App) -> None:
    homes()
    own = ["--data.path", "mine.csv", "--data.target", "总价", "--data.features", "[小区, 面积]"]
    found = []
    for name in ("first", "second"):
        run(app, *MIXED, *own, "--name", name)
        found.append(
            torch.load(f"lightning_logs/{name}/version_0/checkpoints/last.ckpt", weights_only=True)["state_dict"]
        )
        rest = set(range(60)) - {
            int(n)
            for n in Tabular("mine.csv", "总价", ["面积"], impute="median")._chosen("train", torch.zeros(60, 1), None)
        }
        lines = Path("mine.csv").read_text().splitlines()
        for row in rest:
            lines[row + 1] = ",".join(["别处", "", *lines[row + 1].split(",")[2:]])
        Path("mine.csv").write_text("\n".join(lines) + "\n")
    assert all(torch.equal(found[0][name], value) for name, value in found[1].items())


def test_a_network_of_numbers_says_what_takes_categories(app: App) -> None:
    homes()
    own = ["--data.path", "mine.csv", "--data.target", "总价", "--data.features", "[小区, 楼层]"]
    assert "--data.categories '[小区]'" in run(app, *REGRESSION, *own, code=3).err
    assert "mixed_columns.yaml" in run(app, *REGRESSION, *own, "--data.categories", "auto", code=2).err
    overlay: list[str | Path] = ["--config", PROJECT / "configs/with/mixed_columns.yaml"]
    run(app, *REGRESSION, *overlay, *own)
    run(app, *CLASSES, *overlay, *own[:2], "--data.target", "急售", "--data.features", "[小区, 面积]")


@pytest.mark.dashboard
def test_several_targets_by_arguments_alone(app: App) -> None:
    write("a,b,price", *ROWS)
    run(app, *REGRESSION, "--data.path", "mine.csv", "--data.target", "[b, price]")
    run(app, "test", "--run", "tabular")
    run(app, "predict", "--run", "tabular")
    folder = Path("lightning_logs/tabular/version_0")
    rows, scores = predictions(), json.loads((folder / "test.json").read_text())
    assert list(rows[0])[:4] == ["a", "actual_b", "predicted_b", "error_b"]
    for name in ("b", "price"):
        error = sum(float(row[f"error_{name}"]) for row in rows) / len(rows)
        assert scores[f"test/mae_{name}"] == pytest.approx(error)
    assert scores["test/mae"] == pytest.approx((scores["test/mae_b"] + scores["test/mae_price"]) / 2)
    assert scores["test/r2"] == pytest.approx((scores["test/r2_b"] + scores["test/r2_price"]) / 2)
    assert {"test_fit.png", "test_residuals.png"} <= {path.name for path in (folder / "figures").iterdir()}
    write("a", ("1",), ("2",), name="new.csv")
    run(app, "predict", "--run", "tabular", "--data.path", "new.csv")
    assert list(predictions()[0]) == ["a", "predicted_b", "predicted_price"]


@pytest.mark.dashboard
def test_labels_by_arguments_alone(app: App) -> None:
    write("a,b,warm,wet", *[(f"{n}", f"{n % 7}", f"{n % 2}", ("yes", "no")[n % 3 > 0]) for n in range(60)])
    config: list[str | Path] = ["--config", PROJECT / "configs/multilabel.yaml", "--trainer.max_epochs", "2"]
    run(app, "fit", *config, "--data.path", "mine.csv", "--data.target", "[warm, wet]")
    run(app, "test", "--run", "multilabel", "--model.thresholds", "[0.3, 0.6]")
    run(app, "predict", "--run", "multilabel")
    folder = Path("lightning_logs/multilabel/version_0")
    rows = predictions("multilabel")
    assert list(rows[0])[:4] == ["index", "label_warm", "predicted_warm", "p_warm"]
    scores = json.loads((folder / "test.json").read_text())
    for name, cut in (("warm", 0.3), ("wet", 0.6)):
        right = [(row[f"label_{name}"] == "yes") == (float(row[f"p_{name}"]) >= cut) for row in rows]
        assert scores[f"test/accuracy_{name}"] == pytest.approx(sum(right) / len(right))
    assert {"test_thresholds.png", "test_roc.png"} <= {path.name for path in (folder / "figures").iterdir()}
    write("b,a", ("1", "2"), name="new.csv")
    run(app, "predict", "--run", "multilabel", "--data.path", "new.csv")
    assert list(predictions("multilabel")[0]) == ["predicted_warm", "p_warm", "predicted_wet", "p_wet"]


@pytest.mark.dashboard
def test_rows_with_gaps_are_drawn_too(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    homes()
    shown: list[int] = []

    def counted(actual: Any, *rest: Any) -> Figure:
        shown.append(len(actual))
        return scatter(actual, *rest)

    monkeypatch.setattr("app.figures.regression.scatter", counted)
    own = ["--data.path", "mine.csv", "--data.target", "总价", "--data.features", "[小区, 面积]"]
    run(app, *MIXED, *own)
    run(app, "test", "--run", "tabular_mixed")
    assert set(shown) == {12}
