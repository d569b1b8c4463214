"""`validate`, `test` and `predict`: what a checkpoint is worth; never untrained weights, and no new run."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from lightning.pytorch import Trainer

from engine import console
from engine.dashboard.dashboard import Dashboard
from engine.errors import UsageError
from engine.logs.run_logger import RunLogger
from engine.logs.tensorboard import events_kept
from engine.runs import folder as runs
from engine.runs.checkpoint_file import Saved, load
from engine.runs.config_file import changes, flat, read
from engine.settings.command_line import CommandLine, callbacks
from engine.settings.options import Arguments
from engine.training.predictions import PredictionsFile

# Settings that decide what is scored and how.
SCORED = ("model.init_args.network", "data.", "trainer.limit_", "trainer.precision")


def score(cli: CommandLine, arguments: Arguments) -> None:
    """Print the metrics of a split and write them to `<command>.json` of the run.

    Raises:
        UsageError: If there is no checkpoint, it does not fit, or no batch is scored.
    """
    start, command, run = time.monotonic(), arguments.command, _recorded(cli, arguments)
    saved, changed = _restore(cli, arguments)
    # While a run trains, its metrics.csv is its own.
    if command == "test" and run is not None and not run.alive:
        _log_to(cli.trainer, run, saved)
    else:
        cli.trainer.loggers = []
    evaluate = cli.trainer.test if command == "test" else cli.trainer.validate
    with _fitting(saved, run):
        scores = evaluate(cli.model, datamodule=cli.datamodule, verbose=False)
        if not scores:
            raise UsageError(f"no batch was scored: see trainer.limit_{command.removesuffix('idate')}_batches")
    metrics = dict(scores[0])
    console.metrics(f"\n{command} of {saved.path}", {"value": metrics})
    if run is None:
        console.say("nothing is written")
        return
    runs.write_json(run.folder / f"{command}.json", metrics)
    _record(run, command, saved, changed, time.monotonic() - start)


def predict(cli: CommandLine, arguments: Arguments) -> None:
    """Print the first predictions and write all to predictions.csv of the run.

    Raises:
        UsageError: If there is no checkpoint, it does not fit, or nothing is predicted.
    """
    start, run = time.monotonic(), _recorded(cli, arguments)
    saved, changed = _restore(cli, arguments)
    cli.trainer.loggers = []
    writers = [callback for callback in callbacks(cli.trainer) if isinstance(callback, PredictionsFile)]
    for writer in writers:
        writer.path = run.folder / "predictions.csv" if run and runs.first_process() else None
    with _fitting(saved, run):
        cli.trainer.predict(cli.model, datamodule=cli.datamodule, return_predictions=False)
    if any(writer.count == 0 for writer in writers) and cli.trainer.is_global_zero:
        raise UsageError("nothing was predicted: see trainer.limit_predict_batches")
    if run is None:
        console.say("nothing is written")
        return
    _record(run, "predict", saved, changed, time.monotonic() - start)


def _recorded(cli: CommandLine, arguments: Arguments) -> runs.Run | None:
    """Return the run that results are written to.

    Raises:
        UsageError: If the checkpoint is that of another run, whose scores these would be.
    """
    run, checkpoint = arguments.run, arguments.checkpoint
    owner = runs.containing(checkpoint) if checkpoint else None
    if run and owner and owner.folder.resolve() != run.folder.resolve():
        raise UsageError(f"{checkpoint} belongs to another run: --run {owner.title}")
    if run and not os.access(run.folder, os.W_OK):
        console.say(f"{run.folder} cannot be written: results are printed only")
        return None
    return None if cli.config.trainer.fast_dev_run else run


def _restore(cli: CommandLine, arguments: Arguments) -> tuple[Saved, dict[str, str]]:
    if arguments.checkpoint is None:
        raise UsageError(f"{arguments.command} needs a checkpoint")
    saved = load(arguments.checkpoint)
    changed = changes(read(arguments.run.config), flat(cli.settings)) if arguments.run else {}
    changed = {key: values for key, values in changed.items() if key.startswith(SCORED)}
    for key, values in list(changed.items())[:5]:
        console.say(f"changed since training: {key} {values}")
    if len(changed) > 5:
        console.say(f"and {len(changed) - 5} more settings")
    saved.restore(cli.model)
    console.say(f"loaded {saved.provenance}")
    return saved, changed


@contextmanager
def _fitting(saved: Saved, run: runs.Run | None) -> Iterator[None]:
    """Leave no events of an evaluation that fails, and say so where the weights do not fit the data."""
    try:
        with events_kept(run.folder) if run else nullcontext():
            yield
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        text = " ".join(str(error).split())
        raise UsageError(f"the network of {saved.path} does not fit the data: {text}") from error


def _record(run: runs.Run, command: str, saved: Saved, changed: dict[str, str], seconds: float) -> None:
    facts = {"checkpoint": str(saved.path), "epoch": saved.epoch, "changed": changed, "wall_time_s": round(seconds, 3)}
    run.update(**{command: facts})


def _log_to(trainer: Trainer, run: runs.Run, saved: Saved) -> None:
    trainer._default_root_dir = str(run.folder)  # type: ignore[attr-defined]  # set at run time
    for logger in trainer.loggers:
        if isinstance(logger, RunLogger):
            logger.begin(run.folder)
    for callback in callbacks(trainer):
        if isinstance(callback, Dashboard):
            callback.folder = run.folder
    # The score belongs to the step and epoch of the checkpoint, not to the beginning of training.
    trainer.fit_loop.epoch_progress.current.completed = saved.epoch
    trainer.fit_loop.epoch_loop._batches_that_stepped = saved.steps - 1
