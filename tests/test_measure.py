"""The script that measures the shipped configs: the form of its lines, and README's table, which is made of them."""

import json
import re
from pathlib import Path

import pytest
from measure import LINE, PROJECT, README, measured, with_results

CONFIGS = sorted((PROJECT / "configs").glob("*.yaml"))


def compared(runs: int, **metrics: tuple[float, float | None]) -> str:
    """Return what `compare --json` prints of a study, and write the records of its runs."""
    titles = [f"mine/seeds/version_{seed}" for seed in range(runs)]
    for seed, title in enumerate(titles):
        folder = Path("lightning_logs", title)
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"wall_time_s": 10.0 + seed}))
    found = {
        f"test/{name}": {"mean": mean, "sd": sd, "n": runs, "min": mean, "max": mean}
        for name, (mean, sd) in metrics.items()
    }
    return json.dumps({"groups": [{"runs": titles, "metrics": found}]})


@pytest.mark.parametrize(
    ("runs", "sds", "expected"),
    [
        (5, (0.0471, 0.0), "mae 0.215 ± 0.047, slope 28.12 ± 0 (mean ± sd of 5 seeds); 12 s on 2 busy CPU cores, X"),
        (1, (None, None), "mae 0.21498, slope 28.12 (one seed); 10 s on 2 busy CPU cores, X"),
    ],
)
def test_a_line_says_mean_sd_number_of_seeds_and_the_mean_time(
    runs: int, sds: tuple[float | None, ...], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = compared(runs, loss=(1.0, 0.1), mae=(0.21498, sds[0]), slope=(28.12, sds[1]))
    calls: list[list[object]] = []
    monkeypatch.setattr("subprocess.run", lambda command, **_: calls.append(command))
    monkeypatch.setattr("subprocess.check_output", lambda command: printed)
    monkeypatch.setattr("measure.hardware", lambda busy: f"2 {'busy ' if busy else ''}CPU cores, X")
    config = Path("mine.yaml")
    assert measured(config, runs, ["--data.root", "here"], busy=True) == expected
    assert calls[0][3:] == ["fit", "--config", config, "--seeds", str(runs), "--data.root", "here"]
    assert LINE.fullmatch(f"# About it: test {expected}")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: str(path.stem))
def test_the_first_line_of_a_config_has_the_form_that_is_written(config: Path) -> None:
    assert LINE.fullmatch(config.read_text().partition("\n")[0])


def test_the_table_of_readme_is_that_of_the_first_lines_and_has_every_config() -> None:
    text = README.read_text()
    assert with_results(text) == text
    rows = re.findall(r"^\| (`\w+`(?:; `\w+`)*) \| ", text.partition("## Results")[2], flags=re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(rows))) == [path.stem for path in CONFIGS]
