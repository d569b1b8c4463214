"""A run as one file: what it gives is what the network gives, or there is no file."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import BRIEF, PRODUCT, PROJECT, Result
from support.brought import write
from torch import Tensor

from app.data.product import Product

onnxruntime: Any = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
App = Callable[..., Result]
RUN = Path("lightning_logs/product/version_0")
CONFIGS = sorted((PROJECT / "configs").glob("*.yaml"))
KEYS = ["format", "opset", "samples", "max_difference", "mean_difference", "disagreements", "metric", "tolerance"]
FEW = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "2", "--trainer.limit_val_batches", "2"]


def slow(value: Any) -> Any:
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.fixture(autouse=True)
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)


@pytest.fixture
def run(app: App) -> Path:
    assert app("fit", "--config", PRODUCT, *BRIEF).exit_code == 0
    return RUN


def exported(app: App, *words: str | Path) -> Result:
    result = app("export", *words)
    assert (result.exit_code, result.err) == (0, "")
    for noise in ("torch.onnx", "Warning", "Obtain", "E1", "W1"):  # of the exporter and its loggers
        assert noise not in result.out
    return result


def session(file: Path) -> Any:
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def call(file: Path, inputs: np.ndarray) -> np.ndarray:
    found: np.ndarray = session(file).run(None, {"inputs": inputs})[0]
    return found


def metadata(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(session(file).get_modelmeta().custom_metadata_map["model"])
    return found


def test_a_file_gives_what_the_weights_give_by_hand(app: App, run: Path) -> None:
    exported(app, "--run", "product")
    file = run / "export/model.onnx"
    weights = torch.load(run / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    w = {name: value.double().numpy() for name, value in weights.items()}
    inputs = np.random.default_rng(0).uniform(-20, 20, (50, 2)).astype(np.float32)  # beyond what it was trained on
    values = (inputs - w["inputs.mean"]) / w["inputs.std"]
    for layer in (0, 2, 4):
        values = values @ w[f"network.layers.{layer}.weight"].T + w[f"network.layers.{layer}.bias"]
        values = np.maximum(values, 0) if layer < 4 else values
    by_hand = values * w["targets.std"] + w["targets.mean"]
    for rows in (1, 2, 7, 50):
        assert call(file, inputs[:rows]) == pytest.approx(by_hand[:rows], rel=1e-5, abs=1e-5)
    assert {path.name for path in file.parent.iterdir()} == {"export.json", "model.onnx"}


def test_export_json_has_the_metrics_of_the_test_and_those_of_the_file(app: App, run: Path) -> None:
    assert app("test", "--run", "product").exit_code == 0
    tested = json.loads((run / "test.json").read_text())
    result = exported(app, "--run", "product")
    report = json.loads((run / "export/export.json").read_text())
    file = run / "export/model.onnx"
    assert list(report) == [*KEYS, "bytes"]
    assert (report["format"], report["opset"], report["tolerance"]) == ("onnx", 20, 1e-4)
    assert report["samples"] == 200
    assert 0 <= report["mean_difference"] <= report["max_difference"] <= 1e-5
    assert report["disagreements"] == 0
    assert report["bytes"] == file.stat().st_size
    assert {name: pair[0] for name, pair in report["metric"].items()} == tested
    inputs, targets = Product().build("test")
    error = np.abs(call(file, inputs.numpy()) - targets.numpy()).mean()
    assert report["metric"]["test/mae"][1] == pytest.approx(error, rel=1e-6)
    assert report["metric"]["test/loss"][1] == pytest.approx(tested["test/loss"], rel=1e-5)
    record = json.loads((run / "run.json").read_text())
    assert record["export"]["file"] == str(file)
    assert record["status"] == "finished"
    for words in ("200 samples of the test split, in batches of 1, 2, 7 and 200", f"predict --model {file}"):
        assert words in result.out


def test_the_metadata_says_all_that_a_program_needs(app: App, run: Path) -> None:
    exported(app, "--run", "product")
    about = metadata(run / "export/model.onnx")
    inputs, _ = Product().build("train")
    first = about["inputs"]["columns"][0]
    assert about["inputs"]["kind"] == "table"
    assert [column["name"] for column in about["inputs"]["columns"]] == ["x1", "x2"]
    assert first["min"] == pytest.approx(inputs[:, 0].min().item())
    assert first["max"] == pytest.approx(inputs[:, 0].max().item())
    assert first["mean"] == pytest.approx(inputs[:, 0].mean().item(), rel=1e-5)
    assert first["integer"] is False
    assert about["outputs"] == {"kind": "numbers", "names": ["predicted"], "units": [None]}
    assert (about["version"], about["title"], about["task"], about["split"]) == (1, str(RUN)[15:], "Regression", "test")
    assert (about["samples"], about["tolerance"], about["config"]) == (200, 1e-4, "product")
    assert about["run"] == RUN.as_posix()
    assert about["checkpoint"]["name"] == "best.ckpt"
    assert len(about["checkpoint"]["sha256"]) == 64
    assert about["metrics"].keys() == {"test/loss", "test/mae", "test/r2"}
    content = (run / "export/model.onnx").read_bytes()
    for path in (b".py", str(PROJECT).encode()):  # where it was made, and the lines of the source
        assert path not in content


def by_count(self: Any, inputs: Tensor) -> Tensor:
    outputs: Tensor = self.layers(inputs)
    return outputs if len(inputs) > 2 else 2 * outputs


def otherwise_when_traced(self: Any, inputs: Tensor) -> Tensor:
    outputs: Tensor = self.layers(inputs)
    return outputs + 0.01 if torch.compiler.is_exporting() else outputs


def by_value(self: Any, inputs: Tensor) -> Tensor:
    outputs: Tensor = self.layers(inputs)
    return outputs if torch.compiler.is_exporting() or inputs.sum() > 0 else -outputs


def with_a_memory(self: Any, inputs: Tensor) -> Tensor:
    self.calls = getattr(self, "calls", 0) + 1
    outputs: Tensor = self.layers(inputs) * self.calls
    return outputs


@pytest.mark.parametrize("wrong", [by_count, by_value, *map(slow, [otherwise_when_traced, with_a_memory])])
@pytest.mark.parametrize("ending", ["onnx", slow("pt2")])
def test_a_network_that_exports_wrongly_leaves_no_file(
    wrong: Callable[..., Tensor], ending: str, app: App, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.networks.MLP.forward", wrong)
    result = app("export", "--run", "product", "--format", ending)
    assert result.exit_code == 1
    assert len(result.err.splitlines()) <= 2
    refused = "forward does something else for some numbers of samples"  # torch.export sees it, torch.onnx does not
    found = refused if (wrong, ending) == (by_count, "pt2") else "of the test split: the tolerance is 0.0001"
    assert found in result.err
    assert not (run / "export").exists()


def test_an_older_file_outlives_an_export_that_fails(app: App, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported(app, "--run", "product")
    before = {path.name: path.read_bytes() for path in (run / "export").iterdir()}
    monkeypatch.setattr("app.networks.MLP.forward", otherwise_when_traced)
    assert app("export", "--run", "product").exit_code == 1
    assert {path.name: path.read_bytes() for path in (run / "export").iterdir()} == before


def test_what_cannot_be_traced_is_refused_in_a_line(app: App, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def branch(self: Any, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.layers(inputs)
        return outputs if inputs.sum() > 0 else -outputs

    monkeypatch.setattr("app.networks.MLP.forward", branch)
    result = app("export", "--run", "product")
    assert result.exit_code == 1
    assert len(result.err.splitlines()) <= 2
    assert "Regression cannot be exported: forward decides by the values of its inputs" in result.err
    assert f"{Path(__file__).name}, line {branch.__code__.co_firstlineno + 2}" in result.err
    assert not (run / "export").exists()


@pytest.mark.slow
def test_a_tolerance_that_no_rounding_meets_is_missed(app: App, run: Path) -> None:
    result = app("export", "--run", "product", "--tolerance", "1e-12")
    assert result.exit_code == 1
    assert "the tolerance is 1e-12" in result.err
    assert not (run / "export").exists()


def test_a_program_of_torch_gives_the_same(app: App, run: Path, folder: Path) -> None:
    assert "serve --model" in exported(app, "--run", "product", "--output", "out").out
    assert "serve --model" not in exported(app, "--run", "product", "--output", "out", "--format", "pt2").out
    assert not (run / "export").exists()
    report = json.loads((folder / "out/export.json").read_text())
    assert (report["format"], report["opset"], report["tolerance"]) == ("pt2", None, 1e-4)
    assert str(PROJECT).encode() not in (folder / "out/model.pt2").read_bytes()
    extra = {"model": ""}
    program = torch.export.load(folder / "out/model.pt2", extra_files=extra).module()
    assert json.loads(extra["model"])["title"] == "product/version_0"
    inputs = torch.rand(5, 2) * 10
    found = call(folder / "out/model.onnx", inputs.numpy())
    assert found == pytest.approx(program(inputs).detach().numpy(), rel=1e-5)


def test_images_are_bytes_and_classes_have_probabilities(app: App, small_mnist: Path, folder: Path) -> None:
    config = ["--config", PROJECT / "configs/mnist_cnn.yaml", "--data.root", small_mnist, "--data.val_size", "40"]
    for command in ("fit", "test", "predict"):
        assert app(command, *config, *(FEW if command == "fit" else [])).exit_code == 0
    exported(app, "--run", "mnist_cnn")
    run = folder / "lightning_logs/mnist_cnn/version_0"
    file = run / "export/model.onnx"
    about = metadata(file)
    assert about["inputs"] == {"kind": "image", "channels": 1, "height": 28, "width": 28, "fit": "resize"}
    assert about["outputs"]["classes"] == [str(digit) for digit in range(10)]
    raw = (small_mnist / "MNIST/raw/t10k-images-idx3-ubyte").read_bytes()[16:]
    images = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 28, 28, 1)
    found = call(file, images)
    assert found.sum(1) == pytest.approx(np.ones(50), abs=1e-5)
    lines = (run / "predictions.csv").read_text().splitlines()
    first = lines[0].split(",").index("p_0")
    rows = np.array([line.split(",")[first : first + 10] for line in lines[1:]], dtype=float)
    assert found == pytest.approx(rows, abs=1e-5)
    report = json.loads((run / "export/export.json").read_text())
    tested = json.loads((run / "test.json").read_text())
    assert {name: pair[0] for name, pair in report["metric"].items()} == tested
    assert {name: pair[1] for name, pair in report["metric"].items()} == pytest.approx(tested, rel=1e-4)
    assert "test/accuracy_3" in tested


@pytest.mark.parametrize("ending", ["onnx", slow("pt2")])
def test_a_text_of_any_length_has_a_next_character(ending: str, app: App, folder: Path) -> None:
    sizes = ["--model.network.hidden", "8", "--model.network.embedding", "4", "--trainer.limit_test_batches", "1"]
    assert app("fit", "--config", PROJECT / "configs/chars.yaml", *FEW, *sizes).exit_code == 0
    exported(app, "--run", "chars", "--format", ending)
    file = folder / f"lightning_logs/chars/version_0/export/model.{ending}"
    weights = torch.load(folder / "lightning_logs/chars/version_0/checkpoints/best.ckpt", weights_only=True)
    w = {name.removeprefix("network."): v.numpy() for name, v in weights["state_dict"].items()}
    program = torch.export.load(file).module() if ending == "pt2" else None
    for rows, length in ((1, 1), (2, 3), (5, 60)):
        text = np.random.default_rng(length).integers(0, len(w["linear.bias"]), (rows, length))
        found = call(file, text) if program is None else program(torch.from_numpy(text)).detach().numpy()
        assert found == pytest.approx(lstm(w, text), abs=1e-5)


def lstm(w: dict[str, np.ndarray], text: np.ndarray) -> np.ndarray:
    """Return the probabilities of the next character, by the formulas of an LSTM."""
    states = list(w["embedding.weight"][text].transpose(1, 0, 2))
    for layer in range(2):
        h = c = np.zeros((len(text), w[f"lstm.weight_hh_l{layer}"].shape[1]))
        for step, x in enumerate(states):
            gates = x @ w[f"lstm.weight_ih_l{layer}"].T + w[f"lstm.bias_ih_l{layer}"]
            gates = gates + h @ w[f"lstm.weight_hh_l{layer}"].T + w[f"lstm.bias_hh_l{layer}"]
            i, f, g, o = np.split(gates, 4, axis=1)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
            states[step] = h
    logits = np.exp(states[-1] @ w["linear.weight"].T + w["linear.bias"])
    probabilities: np.ndarray = logits / logits.sum(1, keepdims=True)
    return probabilities


def test_a_plain_module_exports_what_its_forward_returns(app: App, folder: Path) -> None:
    assert app("fit", "--config", write(folder)).exit_code == 0
    exported(app, "--run", "plain")
    run = folder / "lightning_logs/plain/version_0"
    about = metadata(run / "export/model.onnx")
    assert [column["name"] for column in about["inputs"]["columns"]] == ["x1", "x2", "x3", "x4"]
    assert about["outputs"] == {"kind": "numbers", "names": ["predicted"], "units": [None]}
    w = torch.load(run / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    x = torch.randn(3, 4)
    hidden = torch.relu(x @ w["backbone.0.weight"].T + w["backbone.0.bias"])
    expected = hidden @ w["head.weight"].T + w["head.bias"]
    assert call(run / "export/model.onnx", x.numpy()) == pytest.approx(expected.numpy(), abs=1e-5)
    report = json.loads((run / "export/export.json").read_text())
    assert report["metric"]["test/loss"][1] == pytest.approx(report["metric"]["test/loss"][0], rel=1e-5)


OTHERS = """

class Pair(Net):
    def forward(self, x):
        return super().forward(x), x

    def training_step(self, batch, batch_idx):
        return nn.functional.mse_loss(self(batch[0])[0], batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))

    test_step = validation_step


class Keyed(Net):
    def forward(self, batch):
        return super().forward(batch["x"])

    def training_step(self, batch, batch_idx):
        return nn.functional.mse_loss(self({"x": batch[0]}), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))

    test_step = validation_step


class Nothing(Net):
    forward = pl.LightningModule.forward

    def training_step(self, batch, batch_idx):
        return nn.functional.mse_loss(self.head(self.backbone(batch[0])), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))

    test_step = validation_step


class Around(Nothing):
    def forward(self, x):
        return self.head(self.backbone(x)).squeeze(1)
"""


def test_a_test_that_does_not_call_forward_still_proves_the_outputs(app: App, folder: Path) -> None:
    assert app("fit", "--config", write(folder, OTHERS, "Around")).exit_code == 0
    result = exported(app, "--run", "plain")
    assert "Around does not call forward in its test" in result.out
    report = json.loads((folder / "lightning_logs/plain/version_0/export/export.json").read_text())
    assert report["samples"] == 64
    assert report["metric"]["val/loss"][1] is None


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("Pair", "forward of Pair returns a tuple"),
        ("Keyed", "Keyed.forward takes dict"),
        ("Nothing", "Nothing has no forward"),
    ],
)
def test_a_plain_module_of_another_kind_is_refused_in_a_line(model: str, words: str, app: App, folder: Path) -> None:
    assert app("fit", "--config", write(folder, OTHERS, model)).exit_code == 0
    result = app("export", "--run", "plain")
    assert result.exit_code == 2
    assert words in result.err
    assert len(result.err.splitlines()) == 1
    assert not (folder / "lightning_logs/plain/version_0/export").exists()


def test_without_a_test_the_validation_split_proves_it(app: App, folder: Path) -> None:
    config = ["--config", PROJECT / "configs/tabular_classes.yaml"]
    assert app("fit", *config, "--trainer.max_epochs", "2", "--data.test_size", "0").exit_code == 0
    assert "of the validation split" in exported(app, "--run", "tabular_classes").out
    file = folder / "lightning_logs/tabular_classes/version_0/export/model.onnx"
    about = metadata(file)
    assert about["split"] == "validation"
    assert "val/accuracy" in about["metrics"]
    assert len(about["outputs"]["classes"]) == 4


@pytest.mark.slow
def test_a_compiled_network_is_exported_as_it_was_written(app: App, run: Path) -> None:
    exported(app, "--run", "product", "--model.compile", "true")
    assert (run / "export/model.onnx").is_file()


@pytest.mark.slow
def test_other_precision_and_several_devices_are_undone_and_said(app: App, run: Path) -> None:
    words = ["--trainer.precision", "bf16-mixed", "--trainer.devices", "2", "--trainer.strategy", "ddp_spawn"]
    result = exported(app, "--run", "product", *words)
    assert "trained with trainer.precision bf16-mixed; what is exported computes in float32" in result.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--run", "product", "--fromat", "onnx"], "did you mean format?"),
        (["--run", "product", "--format", "onx"], "invalid choice: 'onx' (choose from"),
        (["--run", "product", "--tolerance", "0"], "must be a number above 0: 0"),
        (["--run", "prodct"], "did you mean product/version_0?"),
        ([], "export needs --config FILE"),
    ],
)
def test_wrong_usage_is_named(words: list[str], told: str, app: App, run: Path) -> None:
    result = app("export", *words)
    assert result.exit_code == 2
    assert told in result.err
    assert len(result.err.splitlines()) == 1


def test_missing_packages_are_named_with_the_command_that_installs_them(
    app: App, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    result = app("export", "--run", "product")
    assert result.exit_code == 2
    assert "onnxscript not installed" in result.err
    assert "pip install" in result.err
    assert "[export]" in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.slow
def test_a_checkpoint_of_no_run_needs_a_folder(app: App, run: Path, folder: Path) -> None:
    (run / "checkpoints/best.ckpt").rename(folder / "gift.ckpt")
    words = ["--config", str(PRODUCT), "--ckpt_path", "gift.ckpt"]
    assert "--output" in app("export", *words).err
    exported(app, *words, "--output", "out")
    assert metadata(folder / "out/model.onnx")["title"] == "gift.ckpt"


@pytest.mark.slow
@pytest.mark.parametrize(
    "config", [path for path in CONFIGS if path.stem not in ("minimize", "valley")], ids=lambda path: str(path.stem)
)  # these two have no network
@pytest.mark.parametrize("ending", ["onnx", "pt2"])
def test_each_config_exports(
    config: Path, ending: str, app: App, small_data: Callable[[Path], list[str]], folder: Path
) -> None:
    for command in ("fit", "test"):
        words = FEW if command == "fit" else []
        assert app(command, "--config", config, *words, *small_data(config)).exit_code == 0
    exported(app, "--config", config, "--format", ending)
    run = folder / "lightning_logs" / config.stem / "version_0"
    report = json.loads((run / "export/export.json").read_text())
    tested = json.loads((run / "test.json").read_text())
    rounding = 1e-2 if config.stem == "cifar10_resnet" else 1e-6  # it is tested with mixed precision, as it was trained
    assert {name: pair[0] for name, pair in report["metric"].items()} == pytest.approx(tested, rel=rounding)
    assert {name: pair[1] for name, pair in report["metric"].items()} == pytest.approx(tested, rel=max(rounding, 1e-3))
    assert report["max_difference"] <= report["tolerance"]
