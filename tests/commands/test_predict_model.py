"""`predict --model FILE` on models made by hand; that it equals `predict --run` is in test_export_predict.py."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Result, onnx_models, read_csv

App = Callable[..., Result]
CHECK = "import sys; from app.__main__ import PROJECT; from engine.main import run; code = run(PROJECT, sys.argv[1:]); "
CHECK += "print(code, sorted({'torch', 'lightning', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)))"


@pytest.fixture
def numbers(folder: Path) -> Path:
    return onnx_models.of_numbers(folder / "numbers.onnx", [[1], [10]], ["x1", "x2"], ["y"])


@pytest.fixture
def classes(folder: Path) -> Path:
    return onnx_models.of_classes(folder / "classes.onnx", [[0, 1]], ["x"], ["no", "yes"], target="answer")


def predicted(app: App, *words: str | Path) -> list[dict[str, str]]:
    result = app("predict", "--model", *words)
    assert result.exit_code == 0, result.err
    return read_csv(Path("predictions.csv"))


def refused(app: App, *words: str | Path, code: int) -> str:
    result = app("predict", "--model", *words)
    assert result.exit_code == code, result.out
    assert not Path("predictions.csv").exists()
    assert list(Path().glob(".*.part")) == []
    return result.err.removeprefix("error: ").rstrip("\n")


def test_torch_is_not_imported(numbers: Path, folder: Path) -> None:
    (folder / "new.csv").write_text("x1,x2\n3,4\n")
    images = onnx_models.of_images(folder / "images.onnx", ["red", "green", "blue"])
    Image.new("RGB", (9, 9), "red").save(folder / "1.png")
    text = onnx_models.of_text(folder / "text.onnx")
    for words in (
        [numbers, "--data.path", "new.csv"],
        [numbers, "--input", "x1=3,x2=4"],
        [images, "--data.root", "."],
        [text, "--data.prompt", "ab"],
    ):
        command = [sys.executable, "-c", CHECK, "predict", "--model", *map(str, words)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "0 []", done.stderr


def test_rows_are_given_as_for_a_run(numbers: Path, app: App) -> None:
    expected = [{"x1": "3.0", "x2": "4.0", "predicted": "43.0"}]
    Path("new.csv").write_text("x2,x1\n4,3\n")
    for words in (["--input", "x1=3,x2=4"], ["--input", "new.csv"], ["--data.path", "new.csv"]):
        assert predicted(app, numbers, *words) == expected
    assert predicted(app, numbers, "--data.init_args.path", "new.csv") == expected
    Path("known.csv").write_text("x1,x2,y\n3,4,40\n")
    assert predicted(app, numbers, "--input", "known.csv") == expected
    assert predicted(app, numbers, "--data.path=known.csv") == [
        {"x1": "3.0", "x2": "4.0", "actual": "40.0", "predicted": "43.0", "error": "3.0"}
    ]


def test_what_is_printed_names_the_file_and_shows_the_first_rows(numbers: Path, app: App) -> None:
    Path("new.csv").write_text("x1,x2\n" + "3,4\n" * 25)
    result = app("predict", "--model", numbers, "--data.path", "new.csv", "--output", "mine.csv")
    lines = result.out.splitlines()
    assert lines[0] == f"loaded {numbers}, exported from by_hand/version_0"
    assert lines[1] == "first 10 of 25 predictions"
    assert lines[2].split() == ["x1", "x2", "predicted"]
    assert len(lines) == 14
    assert lines[-1] == "all 25 rows: mine.csv"
    assert len(read_csv(Path("mine.csv"))) == 25


def test_a_file_of_several_pieces_is_read_as_a_whole(
    numbers: Path, classes: Path, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.exported.predict.PIECE", 40)
    monkeypatch.setattr("engine.exported.predict.BATCH", 7)
    rows = [(n % 9, n % 5) for n in range(100)]
    Path("new.csv").write_text("x1,x2,y\n" + "".join(f"{a},{b},{a}\n" for a, b in rows))
    found = predicted(app, numbers, "--data.path", "new.csv")
    assert [(float(row["predicted"]), float(row["actual"])) for row in found] == [(a + 10 * b, a) for a, b in rows]
    Path("new.csv").write_text("x,answer\n" + "".join(f"{a},{'yes' if b else 'no'}\n" for a, b in rows))
    found = predicted(app, classes, "--data.path", "new.csv")
    assert [row["index"] for row in found] == [str(n) for n in range(100)]
    assert [row["label"] for row in found] == ["yes" if b else "no" for _, b in rows]
    assert float(found[3]["p_yes"]) == pytest.approx(1 / (1 + np.exp(-3)))


def test_a_blank_target_in_a_later_piece_leaves_out_all_targets(
    numbers: Path, classes: Path, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.exported.predict.PIECE", 40)
    Path("new.csv").write_text("x1,x2,y\n" + "1,2,3\n" * 99 + "1,2,\n")
    found = predicted(app, numbers, "--data.path", "new.csv")
    assert (len(found), list(found[0])) == (100, ["x1", "x2", "predicted"])
    Path("new.csv").write_text("x,answer\n" + "1,yes\n" * 99 + "1, \n")
    found = predicted(app, classes, "--data.path", "new.csv")
    assert (len(found), list(found[0])) == (100, ["predicted", "p_no", "p_yes"])


def test_errors_in_a_later_piece_count_from_the_first_row(
    numbers: Path, classes: Path, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.exported.predict.PIECE", 40)
    Path("new.csv").write_text("x1,x2\n" + "1,2\n" * 49 + "1,abc\n" + "1,2\n" * 49 + ",\n")
    message = "new.csv, row 50, column x2: 'abc' is not a finite number (and 2 more)"
    assert refused(app, numbers, "--data.path", "new.csv", code=3) == message
    Path("new.csv").write_text("x,answer\n" + "1,yes\n" * 49 + "1,never\n")
    assert refused(app, classes, "--data.path", "new.csv", code=3) == (
        "new.csv, row 50, column answer: 'never' is not one of no, yes"
    )


def test_a_target_of_another_name_is_named(classes: Path, app: App) -> None:
    Path("new.csv").write_text("x,result\n1,no\n")
    assert list(predicted(app, classes, "--data.path", "new.csv")[0]) == ["predicted", "p_no", "p_yes"]
    words: list[str | Path] = [classes, "--data.path", "new.csv", "--data.target"]
    assert predicted(app, *words, "result")[0]["label"] == "no"
    Path("predictions.csv").unlink()
    assert refused(app, *words, "results", code=3) == "new.csv has no column results; did you mean result?"


def test_images_of_a_folder_and_their_labels(app: App, folder: Path) -> None:
    model = onnx_models.of_images(folder / "images.onnx", ["red", "lime", "blue"])
    for place, colour in (("photos/blue", "blue"), ("photos/red", "lime"), ("photos/red", "red")):
        (folder / place).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 30), colour).save(folder / place / f"{colour}.png")
    found = predicted(app, model, "--data.root", "photos")
    assert [(row["file"], row["label"], row["predicted"]) for row in found] == [
        ("red/lime.png", "red", "lime"),
        ("red/red.png", "red", "red"),
        ("blue/blue.png", "blue", "blue"),
    ]
    assert list(predicted(app, model, "--data.root", "photos/red")[0])[:2] == ["file", "predicted"]
    shutil.copytree("photos/red", "photos/pink")
    Path("predictions.csv").unlink()
    words = "photos/pink is none of the classes red, lime, blue"
    assert refused(app, model, "--data.root", "photos", code=3) == words
    assert refused(app, model, "--data.root", "photos/red/red.png", code=3) == "photos/red/red.png is not a folder"
    (folder / "photos/red/red.png").write_text("no image")
    assert "red.png is not an image" in refused(app, model, "--data.root", "photos/red", code=3)


@pytest.mark.parametrize("time", ["time", 3])
def test_a_text_goes_on_greedily_and_by_chance(time: str | int, app: App, folder: Path) -> None:
    model = onnx_models.of_text(folder / "text.onnx", "abcd", time)
    words: list[str | Path] = [model, "--data.prompt", "abc", "--model.length", "6", "--model.temperature"]
    assert predicted(app, *words, "0") == [{"prompt": "abc", "continuation": "dabcda"}]
    assert predicted(app, *words, "0.01") == [{"prompt": "abc", "continuation": "dabcda"}]
    hot = {predicted(app, *words, "9", "--seed_everything", str(seed))[0]["continuation"] for seed in (1, 1, 2)}
    assert len(hot) == 2
    if time == 3:
        Path("predictions.csv").unlink()
        assert "at least 3 characters" in refused(app, model, "--data.prompt", "ab", code=3)


def test_what_a_model_does_not_take_is_refused(numbers: Path, app: App, folder: Path) -> None:
    Path("new.csv").write_text("x1,x2\n3,4\n")
    text = onnx_models.of_text(folder / "text.onnx")
    images = onnx_models.of_images(folder / "images.onnx", ["a", "b", "c"])
    assert "--data.root photos; did you mean --data.path?" in refused(app, numbers, "--data.root", "photos", code=2)
    assert "did you mean --data.prompt?" in refused(app, text, "--data.promt", "a", code=2)
    assert "--run product" in refused(app, numbers, "--input", "new.csv", "--run", "product", code=2)
    nothing = "(by_hand/version_0) predicts from x1, x2: --data.path new.csv, or --input x1=5,x2=5"
    assert refused(app, numbers, code=2) == f"{numbers} {nothing}"
    assert "predicts images: --data.root FOLDER" in refused(app, images, code=2)
    assert "continues a text: --data.prompt TEXT" in refused(app, text, code=2)
    assert "temperature must be at least 0" in refused(
        app, text, "--data.prompt", "a", "--model.temperature=-1", code=2
    )
    both: list[str | Path] = [numbers, "--data.path", "new.csv", "--input", "new.csv"]
    assert "--data.path new.csv, or --input" in refused(app, *both, code=2)
    words: list[str | Path] = [numbers, "--data.path", "new.csv", "--data.encoding", "klingon"]
    assert "unknown encoding klingon" in refused(app, *words, code=2)
    assert "new2.csv does not exist; did you mean new.csv?" in refused(app, numbers, "--data.path=new2.csv", code=3)
    away: list[str | Path] = [numbers, "--input", "x1=3,x2=4", "--output", "nowhere/out.csv"]
    assert refused(app, *away, code=1).startswith("No such file or directory: nowhere/")


def test_a_model_of_another_kind_is_said(app: App, folder: Path) -> None:
    onnx_models.of_numbers(folder / "a.onnx", [[1]], ["x"], ["y"])
    words = '{"version": 1, "inputs": {"kind": "sound"}, "outputs": {"kind": "numbers"}}'
    onnx_models.of_numbers(folder / "b.onnx", [[1]], ["x"], ["y"], metadata={"model": words})
    assert "b.onnx takes inputs of the kind sound" in refused(app, "b.onnx", code=3)
    assert "c.onnx does not exist; did you mean" in refused(app, "c.onnx", code=3)


def test_model_stays_a_key_of_settings(app: App) -> None:
    result = app("predict", "--model", "some.Module", "--run", "product")
    assert result.exit_code == 2
    assert "onnx" not in result.err
