"""`export --benchmark`: a network in several formats."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import BRIEF, PRODUCT, Result

App = Callable[..., Result]


@pytest.mark.slow
def test_formats_are_measured_on_the_test_split(app: App, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.export.benchmark.ROUNDS", 2)
    monkeypatch.setattr("engine.export.benchmark.STARTS", 1)
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    result = app("export", "--run", "product", "--benchmark")
    assert result.exit_code == 0, result.err
    export = Path("lightning_logs/product/version_0/export")
    found = json.loads((export / "benchmark.json").read_text())
    formats = {each["name"]: each for each in found["formats"]}
    assert {"torch", "onnx", "onnx int8", "pt2"} <= set(formats)
    assert (found["split"], found["samples"], found["metric"]) == ("test", 200, "mae")
    proven = json.loads((export / "export.json").read_text())["metric"]["test/mae"][0]
    for name in ("torch", "onnx", "pt2"):
        assert formats[name]["metric"] == pytest.approx(proven, rel=1e-4)
    change = formats["onnx int8"]["change"]
    assert change["low"] <= change["delta"] <= change["high"]
    assert formats["onnx int8"]["metric"] == pytest.approx(proven + change["delta"], rel=1e-4)
    assert 0 < formats["onnx"]["start_s"]["median"] < formats["torch"]["start_s"]["median"]
    for each in formats.values():
        for span in each["milliseconds"].values():
            assert 0 < span["min"] <= span["median"] <= span["max"]
        assert f"\n{each['name']} " in result.out
    assert "of the weights are int8" in result.out
    assert {file.name for file in export.iterdir()} == {"model.onnx", "export.json", "benchmark.json"}
