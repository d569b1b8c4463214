"""`validate`, `test` and `predict`: what a checkpoint is worth; never untrained weights, and no new run."""

from lightning.pytorch import Trainer

from app import console, runs
from app.arguments import Arguments
from app.callbacks import PredictionsFile
from app.checkpoints import Saved, load
from app.cli import CommandLine, callbacks
from app.errors import UsageError
from app.loggers import MetricsFile, TensorBoard
from app.settings import changes, flat, read

# Settings that decide what is scored and how.
SCORED = ("model.", "data.", "trainer.limit_", "trainer.precision")


def score(cli: CommandLine, arguments: Arguments) -> None:
    """Print the metrics of a split and write them to `<command>.json` of the run."""
    saved = _restore(cli, arguments)
    if arguments.command == "test" and arguments.run is not None:
        _log_to(cli.trainer, arguments.run, saved)
    else:
        cli.trainer.loggers = []
    evaluate = cli.trainer.test if arguments.command == "test" else cli.trainer.validate
    metrics = dict(evaluate(cli.model, datamodule=cli.datamodule, verbose=False)[0])
    console.metrics(f"\n{arguments.command} of {saved.path}", {"value": metrics})
    if arguments.run is None:
        console.say("not the checkpoint of a run: nothing is written")
        return
    runs.write_json(arguments.run.folder / f"{arguments.command}.json", metrics)
    arguments.run.update(**{arguments.command: {"checkpoint": str(saved.path), "epoch": saved.epoch}})


def predict(cli: CommandLine, arguments: Arguments) -> None:
    """Print the first predictions and write all to predictions.csv of the run."""
    saved = _restore(cli, arguments)
    cli.trainer.loggers = []
    for callback in callbacks(cli.trainer):
        if isinstance(callback, PredictionsFile):
            callback.path = arguments.run.folder / "predictions.csv" if arguments.run else None
    cli.trainer.predict(cli.model, datamodule=cli.datamodule, return_predictions=False)
    if arguments.run is None:
        console.say("not the checkpoint of a run: nothing is written")
        return
    arguments.run.update(predict={"checkpoint": str(saved.path), "epoch": saved.epoch})


def _restore(cli: CommandLine, arguments: Arguments) -> Saved:
    if arguments.checkpoint is None:
        raise UsageError(f"{arguments.command} needs a checkpoint")
    saved = load(arguments.checkpoint)
    changed = changes(read(arguments.run.config), flat(cli.settings)) if arguments.run else {}
    changed = {key: values for key, values in changed.items() if key.startswith(SCORED)}
    for key, values in changed.items():
        console.say(f"changed since training: {key} {values}")
    saved.restore(cli.model)
    console.say(f"loaded {saved.provenance}")
    return saved


def _log_to(trainer: Trainer, run: runs.Run, saved: Saved) -> None:
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoard | MetricsFile):
            logger.begin(run.folder)
    # The score belongs to the step and epoch of the checkpoint, not to the beginning of training.
    trainer.fit_loop.epoch_progress.current.completed = saved.epoch
    trainer.fit_loop.epoch_loop._batches_that_stepped = saved.steps - 1
