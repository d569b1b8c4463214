import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support import onnx_models

from engine.errors import CommandError, UsageError
from engine.exported.model import ExportedModel


@pytest.fixture
def model(folder: Path) -> Path:
    return onnx_models.of_numbers(folder / "model.onnx", [[1], [10]], ["a", "b"], ["y"])


def test_a_model_maps_inputs_to_outputs_and_tells_what_it_is(model: Path) -> None:
    found = ExportedModel(model)
    assert found(np.array([[1, 2], [3, 4]])).tolist() == [[21], [43]]
    assert found.digest == hashlib.sha256(model.read_bytes()).hexdigest()
    assert [column["name"] for column in found.inputs["columns"]] == ["a", "b"]
    assert found.outputs["names"] == ["y"]
    assert found.shape == (None, 2)


def test_a_model_is_called_from_several_threads(model: Path) -> None:
    found = ExportedModel(model, threads=1)
    rows = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    expected = found(rows)
    with ThreadPoolExecutor(8) as pool:
        single = list(pool.map(lambda row: found(row[None])[0], rows))
    assert np.allclose(single, expected, atol=1e-5)


def test_a_file_that_is_no_such_model_is_one_line(model: Path, folder: Path) -> None:
    content = model.read_bytes()
    (folder / "cut.onnx").write_bytes(content[: len(content) // 2])
    (folder / "text.onnx").write_text("not a model")
    (folder / "empty.onnx").touch()
    (folder / "folder.onnx").mkdir()
    (folder / "text.pt2").write_text("not a model")
    words = ([[1]], ["a"], ["y"])
    onnx_models.of_numbers(folder / "plain.onnx", *words, metadata={})
    onnx_models.of_numbers(folder / "broken.onnx", *words, metadata={"model": "{"})
    onnx_models.of_numbers(folder / "list.onnx", *words, metadata={"model": "[]"})
    onnx_models.of_numbers(folder / "kinds.onnx", *words, metadata={"model": '{"version": 1}'})
    later = json.dumps({"version": 2, "inputs": {"kind": "table"}, "outputs": {"kind": "numbers"}})
    onnx_models.of_numbers(folder / "later.onnx", *words, metadata={"model": later})
    onnx_models.of_numbers(folder / "opset.onnx", *words, opset=99)
    expected = {
        "cut": "cannot be read as ONNX by onnxruntime",
        "text": "cannot be read as ONNX by onnxruntime",
        "empty": "cannot be read as ONNX by onnxruntime",
        "opset": "cannot be read as ONNX by onnxruntime",
        "folder": "is a folder",
        "mode": "does not exist; did you mean model.onnx?",
        "plain": "was not exported by this project",
        "broken": "has metadata that cannot be read",
        "list": "has metadata that cannot be read",
        "kinds": "has metadata that cannot be read",
        "later": "has metadata of version 2",
    }
    for name, message in expected.items():
        with pytest.raises(CommandError) as error:
            ExportedModel(folder / f"{name}.onnx")
        assert error.value.exit_code == 3
        assert f"{name}.onnx {message}" in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(CommandError, match=r"text.pt2 cannot be read as a program of torch.export"):
        ExportedModel(folder / "text.pt2")


def test_without_onnxruntime_a_line_says_how_to_install_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r'^onnxruntime is not installed: .* -m pip install .*\[export\]"$'):
        ExportedModel(model)
