from collections.abc import Callable

import pytest
from support import PRODUCT, PROJECT, Result

App = Callable[..., Result]


def test_the_help_of_a_command_fits_two_pages_and_names_the_usual_settings(app: App) -> None:
    result = app("fit", "--help")
    assert result.exit_code == 0
    assert len(result.out.splitlines()) < 120
    for words in ("--config FILE", "--model.optimizer.lr", "--data.batch_size", "--help_all", "--print_schedule"):
        assert words in result.out
    assert "__main__.py" not in result.out


def test_the_help_of_a_class_lists_its_arguments_and_not_every_class_there_is(app: App) -> None:
    with pytest.raises(SystemExit) as ended:
        app("fit", "--model.help", "app.tasks.Regression")
    assert ended.value.code in (0, None)


def test_every_config_and_overlay_stands_in_the_overview_with_a_word_on_it(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    lines = [line.split(maxsplit=1) for line in app("--help").out.splitlines()]
    told = {words[0]: words[1] for words in lines if len(words) == 2}
    for path in [*PROJECT.glob("configs/*.yaml"), *PROJECT.glob("configs/*/*.yaml")]:
        assert "test " not in told[path.relative_to(PROJECT).as_posix()]  # the measured result is elsewhere


def test_the_schedule_is_printed_without_training(app: App) -> None:
    one_cycle = ["--model.lr_scheduler", "torch.optim.lr_scheduler.OneCycleLR", "--model.lr_scheduler.max_lr", "0.1"]
    result = app("fit", "--config", PRODUCT, "--trainer.max_epochs", "10", *one_cycle, "--print_schedule")
    assert result.exit_code == 0, result.err
    rows = [line.split() for line in result.out.splitlines() if line.strip()[:1].isdigit()]
    rates = {int(row[0]): float(row[1]) for row in rows}
    assert min(rates) == 0
    assert max(rates) == 99  # the last of 10 epochs of 10 steps
    assert rates[0] == pytest.approx(0.1 / 25)
    assert max(rates.values()) == pytest.approx(0.1, rel=0.02)
    assert rates[99] < 1e-5
    assert "epoch" not in result.out
