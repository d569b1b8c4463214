"""No file that a user is handed runs code, and nothing listens to other machines."""

import ast
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import BRIEF, PRODUCT, PROJECT, Result, main

from engine.project import Project

App = Callable[..., Result]
RUN = Path("lightning_logs/product/version_0")
CHECKPOINTS = [RUN / "checkpoints" / name for name in ("best.ckpt", "last.ckpt")]
LOADING = {
    "test": ["test", "--run", "product"],
    "validate": ["validate", "--run", "product", "--ckpt_path", "last"],
    "predict": ["predict", "--config", str(PRODUCT)],
    "a file": ["test", "--ckpt_path", str(CHECKPOINTS[0])],
    "a file of no run": ["predict", "--config", str(PRODUCT), "--ckpt_path", "gift.ckpt"],
    "resume": ["fit", "--run", "product", "--trainer.max_epochs", "9"],
    "a start from weights": ["fit", "--init_from", "product"],
}
SAFE_YAML = {"yaml.safe_load", "yaml.safe_dump", "yaml.dump", "yaml.compose"}  # compose makes no objects
TAG = "!!python/object/apply:os.system ['touch ran']"


class Evil:
    """Touches a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


KINDS: dict[str, Callable[[Path], object]] = {
    "as a pickle": lambda path: path.write_bytes(pickle.dumps(Evil())),
    "inside a checkpoint": lambda path: torch.save(
        {**torch.load(CHECKPOINTS[1], weights_only=True), "hyper_parameters": Evil()}, path
    ),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    assert main(["fit", "--config", str(PRODUCT), *BRIEF, "--trainer.default_root_dir", str(home)]) == 0
    return home / "lightning_logs"


@pytest.fixture
def run(trained: Path, folder: Path) -> Path:
    shutil.copytree(trained, folder / "lightning_logs")
    return folder / RUN


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", LOADING)
def test_code_in_a_checkpoint_is_refused_and_does_not_run(
    command: str, kind: str, app: App, run: Path, folder: Path
) -> None:
    for path in (Path("gift.ckpt"), *CHECKPOINTS):
        KINDS[kind](path)
    result = app(*LOADING[command])
    assert result.exit_code == 2
    assert "safely (weights only)" in result.err
    assert len(result.err.splitlines()) == 1
    assert not (folder / "ran").exists()


def test_the_settings_inside_a_checkpoint_import_nothing(app: App, run: Path, folder: Path) -> None:
    (folder / "evil.py").write_text("open('ran', 'w').close()\nclass Task: pass")
    content = torch.load(CHECKPOINTS[0], weights_only=True)
    content["hyper_parameters"] = {"_class_path": "evil.Task", "_instantiator": "evil.Task", "network": "evil.Task"}
    torch.save(content, CHECKPOINTS[0])
    assert app("test", "--run", "product").exit_code == 0
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("place", ["config", "run", "defaults", "command line"])
def test_a_tag_in_yaml_is_refused_and_does_not_run(
    place: str, app: App, run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.yaml").write_text(f"data: {{init_args: {{batch_size: {TAG}}}}}")
    words = ["fit", "--config", str(PRODUCT)]
    if place == "config":
        words += ["--config", "mine.yaml"]
    elif place == "run":
        (run / "config.yaml").write_text((run / "config.yaml").read_text() + f"extra: {TAG}\n")
        words = ["test", "--run", "product"]
    elif place == "defaults":
        monkeypatch.setattr("support.APP", Project("app", folder / "mine.yaml"))
    else:
        words += ["--data.init_args.batch_size", TAG]
    result = app(*words)
    assert result.exit_code == 2
    assert len(result.err.splitlines()) <= 2
    assert not (folder / "ran").exists()


def test_the_code_reads_no_pickle_and_no_unsafe_yaml() -> None:
    loads = 0
    for path in (PROJECT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert name not in {"eval", "exec", "pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load"}, path
            assert not name.startswith("yaml.") or name in SAFE_YAML or given["Loader"] == "yaml.CSafeLoader", path
            assert given.get("allow_pickle", "False") == "False", path
            assert not name.endswith("load_from_checkpoint"), path
            if name in {"torch.load", "trainer.fit"}:
                assert given["weights_only"] in {"True", "not trust", "not cli.choice.trust"}, path  # --trust
                loads += 1
            if name.split(".")[-1] in {"test", "validate", "predict"}:
                assert "ckpt_path" not in given, path
    assert loads == 4
