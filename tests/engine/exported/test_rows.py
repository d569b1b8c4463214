import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.errors import DataError
from engine.exported import rows

TABLE = {"kind": "table", "columns": [{"name": "a"}, {"name": "b"}]}
INPUTS = np.array([[1, 2], [3, 4]], dtype=np.float32)


def described(**outputs: Any) -> dict[str, Any]:
    return {"inputs": TABLE, "outputs": outputs}


def plain(columns: rows.Columns) -> dict[str, list[Any]]:
    return {name: np.asarray(column).tolist() for name, column in columns.items()}


def test_a_csv_file_gives_the_rows_that_json_gives() -> None:
    content = "b,c,a\n2,x,1\n4,y,3\n".encode("utf-8-sig")
    assert np.array_equal(rows.from_csv(content, TABLE), INPUTS)
    assert np.array_equal(rows.from_json([{"a": 1, "b": 2}, [3, 4]], TABLE), INPUTS)
    with pytest.raises(DataError, match=r"^the table, row 2, column a: 'z' is not a finite number$"):
        rows.from_csv(content.replace(b"y,3", b"y,z"), TABLE)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_of_any_size_becomes_the_models(channels: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), (200, 200, 200)).save(file, "PNG")
    inputs = {"kind": "image", "channels": channels, "height": 4, "width": 6, "fit": "pad"}
    pixels = rows.from_image(file.getvalue(), inputs)
    assert pixels.shape == (1, 4, 6, channels)
    assert (pixels == 200).all()
    with pytest.raises(DataError, match=r"^the image is not an image that can be read: "):
        rows.from_image(b"GIF89a", inputs)


def test_a_prompt_becomes_numbers() -> None:
    assert rows.from_prompt("cab", {"vocabulary": "abc"}).tolist() == [[2, 0, 1]]
    with pytest.raises(DataError, match="the prompt, character 2: 'x' is not in the vocabulary, which is\nabc"):
        rows.from_prompt("ax", {"vocabulary": "abc"})
    with pytest.raises(DataError, match="the prompt is empty"):
        rows.from_prompt("", {"vocabulary": "abc"})


def test_numbers_have_inputs_actual_predicted_and_error() -> None:
    outputs = np.array([[5], [6]], dtype=np.float32)
    one = described(kind="numbers", names=["y"])
    assert plain(rows.to_columns(one, INPUTS, outputs)) == {"a": [1, 3], "b": [2, 4], "predicted": [5, 6]}
    columns = plain(rows.to_columns(one, INPUTS, outputs, np.array([[7], [4]])))
    assert list(columns) == ["a", "b", "actual", "predicted", "error"]
    assert (columns["actual"], columns["error"]) == ([7, 4], [2, 2])
    several = described(kind="numbers", names=["predicted_0", "z"])
    assert list(rows.to_columns(several, INPUTS, INPUTS)) == ["a", "b", "predicted_0", "predicted_z"]


def test_classes_have_index_label_name_and_probabilities() -> None:
    outputs = np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32)
    two = described(kind="classes", classes=["no", "yes"])
    found = plain(rows.to_columns(two, INPUTS, outputs))
    assert found == {"predicted": ["yes", "no"], "p_no": [0.25, 0.5], "p_yes": [0.75, 0.5]}
    known = plain(rows.to_columns(two, INPUTS, outputs, np.array([1, 1]), np.arange(2)))
    assert list(known) == ["index", "label", "predicted", "p_no", "p_yes"]
    assert known["label"] == ["yes", "yes"]
    images = {"inputs": {"kind": "image"}, "outputs": two["outputs"]}
    assert next(iter(rows.to_columns(images, INPUTS, outputs, index=["a.png", "b.png"]))) == "file"


def test_outputs_of_an_unknown_kind_are_said() -> None:
    with pytest.raises(DataError, match="outputs of the kind boxes cannot be read here"):
        rows.to_columns(described(kind="boxes"), INPUTS, INPUTS)


def test_a_csv_needs_pandas_and_nothing_else_does(folder: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, engine.exported.rows as rows;"
        "table = {'columns': [{'name': 'a'}]};"
        "rows.from_json([[1]], table), rows.from_prompt('a', {'vocabulary': 'ab'});"
        "print(sorted({'torch', 'lightning', 'pandas', 'PIL', 'sklearn'} & set(sys.modules)));"
        "rows.from_csv(b'a\\n1\\n', table);"
        "print(sorted({'torch', 'lightning', 'PIL', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]
