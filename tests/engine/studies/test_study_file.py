"""Study files: what is made of them, and what is said of a wrong one."""

from pathlib import Path

import pytest
from support import PRODUCT, PROJECT

from engine.errors import UsageError
from engine.studies.study_file import read, seeds

GOOD = f"""
config: {PRODUCT}
settings: {{trainer.max_epochs: 3, model.network.hidden_features: [4, 4]}}
seeds: 2
baseline: adam
figures: [train/loss]
variants:
  adam: {{}}
  large: {{settings: {{model.optimizer.lr: 1e-1, dashboard: null, data.augment: -1}}}}
"""


def written(text: str) -> Path:
    path = Path("study.yaml")
    path.write_text(text)
    return path


def test_a_run_of_a_study_is_made_by_ordinary_words() -> None:
    study = read(written(GOOD))
    common = ["--config", str(PRODUCT), "--trainer.max_epochs", "3", "--model.network.hidden_features", "[4, 4]"]
    own = ["--model.optimizer.lr", "1e-1", "--dashboard", "null", "--data.augment=-1"]
    place = ["--seed_everything", "1", "--name", "study/large", "--version", "1"]
    assert study.words("large", 1) == [*common, *own, *place]
    assert study.seeds == [0, 1]
    assert study.run("large", 1).folder == Path("lightning_logs/study/large/version_1")
    assert study.variants["adam"].settings()["trainer.max_epochs"] == 3  # the config says 1000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: 2", "sedes: 2", "study.yaml: unknown key sedes; did you mean seeds?"),
        ("adam: {}", "adam: {setings: {}}", "study.yaml, variant adam: unknown key setings; did you mean settings?"),
        ("seeds: 2", "seeds: 0", "study.yaml: seeds must be a number of seeds"),
        ("seeds: 2", "seeds: [1, 2, 1]", "study.yaml: seeds: 1 stands twice"),
        ("seeds: 2", "seeds: [a]", "study.yaml: seeds must be a number of seeds"),
        ("baseline: adam", "baseline: adams", "study.yaml: baseline adams is no variant; did you mean adam?"),
        ("adam: {}", "adam: {}\n  adam: {}", "study.yaml: adam stands twice, the first time in line 8"),
        ("adam: {}", "adam: {config: configs/non.yaml}", "study.yaml, variant adam: config configs/non.yaml does not"),
        ("adam: {}", "adam: [1]", "study.yaml, variant adam: must hold config and settings"),
        ("adam: {}", "a/b: {}", "study.yaml, variant a/b: a variant's name is a folder's"),
        ("adam: {}", "figures: {}", "study.yaml, variant figures: a variant's name is a folder's"),
        ("dashboard: null", "seed_everything: 1", "variant large: the study decides seed_everything itself"),
        ("figures: [train/loss]", "figures: {a: 1}", "study.yaml: figures must be a text or a list of texts"),
    ],
)
def test_what_is_wrong_is_named_with_file_variant_and_key(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as caught:
        read(written(GOOD.replace(old, new)))
    assert message in str(caught.value)


def test_a_file_that_does_not_exist_is_answered_with_the_nearest() -> None:
    written(GOOD)
    with pytest.raises(UsageError, match=r"study studdy.yaml does not exist; did you mean study"):
        read(Path("studdy.yaml"))


def test_seeds_are_a_number_or_a_list() -> None:
    assert seeds("seeds", 3) == [0, 1, 2]
    assert seeds("seeds", [7, 3]) == [7, 3]
    with pytest.raises(UsageError):
        seeds("seeds", True)


@pytest.mark.parametrize("path", sorted((PROJECT / "configs/studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_study_is_read_and_says_what_to_see(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    study = read(path)
    assert study.see
    assert study.baseline in study.variants or len(study.seeds) == 1  # where nothing is random
    assert len(path.read_text().splitlines()) <= 30
