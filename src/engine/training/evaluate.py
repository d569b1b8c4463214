"""`validate`, `test` and `predict`: scores and predictions of a checkpoint, written into its run."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer

from engine import console
from engine.errors import UsageError, one_line
from engine.logs.tensorboard import events_kept
from engine.runs import folder as runs
from engine.runs.checkpoint_file import Saved, load
from engine.runs.config_file import changes, flat, short
from engine.runs.files import write_json
from engine.settings.choice import Choice
from engine.settings.command_line import CommandLine
from engine.settings.sources import SECTIONS
from engine.training import callbacks
from engine.training.digest import SampleDigest
from engine.training.predictions import PredictionsFile
from engine.training.state import set_epoch_and_step

# Beginnings of keys that decide what is scored and how: a change since training is reported with the score.
SCORED = ("model.init_args.network", "data.", "trainer.limit_", "trainer.precision")
INPUTS = "data.init_args.inputs"  # nor are these a change: they are what is asked for

LOADER = (
    "to predict in the order of the data, Lightning makes the loader anew, and cannot. Write DataLoader(data,"
    " batch_size=32), with keywords; a class of its own takes them too and passes them on:"
    " def __init__(self, data, **kwargs): super().__init__(data, **kwargs). Lightning says: {error}"
)


def score(cli: CommandLine, choice: Choice) -> None:
    """Print the metrics of a split and write them to `<command>.json` of the run.

    Raises:
        UsageError: If there is no checkpoint, it does not fit, or no batch is scored.
    """
    command = choice.command
    with _evaluation(cli, choice) as (saved, folder, facts):
        digest = SampleDigest()
        trainer = trainer_of(cli, choice, saved, folder, [digest])
        evaluate = trainer.test if command == "test" else trainer.validate
        scores = evaluate(cli.model, datamodule=cli.datamodule, verbose=False)
        if not scores:
            raise UsageError(f"no batch was scored: see trainer.limit_{command.removesuffix('idate')}_batches")
        metrics = merged(scores)
        if metrics:
            console.metrics(f"\n{command} of {saved.path}", {"value": metrics})
        else:
            console.say(f"\n{command} of {saved.path}: no metric was logged")
        write_json(folder / f"{command}.json", metrics)
        facts.update(digest.facts(trainer))


def predict(cli: CommandLine, choice: Choice) -> None:
    """Print the first predictions and write all to predictions.csv of the run.

    Raises:
        UsageError: If there is no checkpoint, it does not fit, or nothing is predicted.
    """
    with _evaluation(cli, choice) as (saved, folder, _):
        trainer = trainer_of(cli, choice, saved, folder)
        try:
            trainer.predict(cli.model, datamodule=cli.datamodule, return_predictions=False)
        except MisconfigurationException as error:
            if "`__init__` argument" in str(error):
                raise UsageError(LOADER.format(error=one_line(error))) from error
            raise
        writers = [callback for callback in callbacks.of(trainer) if isinstance(callback, PredictionsFile)]
        if any(writer.batches == 0 for writer in writers) and trainer.is_global_zero:
            raise UsageError("nothing was predicted: see trainer.limit_predict_batches")
        for writer in writers if choice.run and folder == choice.run.folder else []:
            for name, what in writer.files.items():
                console.say(f"{what}: {folder / name}")
            if not writer.files:
                console.say("no file was written, for predict_step returned nothing")


def merged(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the metrics of all loaders by name; of one name with several values, those after the first by loader."""
    found: dict[str, float] = {}
    for loader, metrics in enumerate(scores):
        for name, value in metrics.items():
            clash = found.get(name, value) != value
            found[f"{name}/dataloader_idx_{loader}" if clash else name] = value
    return found


@contextmanager
def _evaluation(cli: CommandLine, choice: Choice) -> Iterator[tuple[Saved, Path, dict[str, Any]]]:
    """Yield the checkpoint, the folder for its results (the run's, or one that is thrown away) and facts for run.json.

    The facts are those that an evaluation adds.
    """
    start, run, facts = time.monotonic(), _run(cli, choice), dict[str, Any]()
    with tempfile.TemporaryDirectory() as nowhere:
        saved, changed = restored(cli, choice)
        folder = run.folder if run else Path(nowhere)
        with events_kept(folder):  # an evaluation that fails leaves none
            yield saved, folder, facts
    if run is None:
        console.say("nothing is written")
        return
    facts |= {"checkpoint": str(saved.path), "epoch": saved.epoch, "changed": changed}
    run.update(**{choice.command: {**facts, "wall_time_s": round(time.monotonic() - start, 3)}})


def _run(cli: CommandLine, choice: Choice) -> runs.Run | None:
    """Return the run that results are written to."""
    run = choice.run
    check_owner(choice)
    if run and not os.access(run.folder, os.W_OK):
        console.say(f"{run.folder} cannot be written: results are printed only")
        return None
    return None if cli.config.trainer.fast_dev_run else run


def check_owner(choice: Choice) -> None:
    """Refuse a checkpoint of another run than the one that is named: what is made of it would be that run's."""
    run, checkpoint = choice.run, choice.checkpoint
    owner = runs.containing(checkpoint) if checkpoint else None
    if run and owner and owner.folder.resolve() != run.folder.resolve():
        raise UsageError(f"{checkpoint} belongs to another run: --run {owner.title}")


def restored(cli: CommandLine, choice: Choice) -> tuple[Saved, dict[str, str]]:
    """Load a checkpoint into the model; return it, and the settings that have changed since it was trained."""
    assert choice.checkpoint is not None  # an evaluation without one is refused before
    saved = load(choice.checkpoint, choice.trust)
    if saved.steps == 0:
        raise UsageError(f"{saved.path} holds untrained weights: no step of the run was saved")
    trained = cli.sources.adapted[choice.run.config] if choice.run else cli.settings
    changed = changes(flat(trained), flat(cli.settings))
    changed = {short(key): values for key, values in changed.items() if key.startswith(SCORED) and key != INPUTS}
    for key, values in list(changed.items())[:5]:
        console.say(f"changed since training: {key} {values}")
    if len(changed) > 5:
        console.say(f"and {len(changed) - 5} more settings")
    saved.restore(cli.model)
    console.say(f"loaded {saved.provenance}")
    if choice.run and choice.run.averaged.is_file() and not choice.run.averaged.samefile(saved.path):
        console.say(f"the weights that were averaged at the end of training: --ckpt_path {choice.run.averaged}")
    return saved, changed


def trainer_of(cli: CommandLine, choice: Choice, saved: Saved, folder: Path, more: Sequence[Callback] = ()) -> Trainer:
    """Return a Trainer at the epoch and step of the checkpoint, which its scores belong to."""
    # Only a test is logged, and not while the run trains: its metrics.csv and its figures are its own then.
    run = choice.run
    logs = choice.command == "test" and run is not None and folder == run.folder and not run.alive
    named = callbacks.for_evaluation(cli, SECTIONS if logs else ["callbacks"])
    trainer = cli.build_trainer(folder, [*named, *more])
    if not logs:
        trainer.loggers = []
    set_epoch_and_step(trainer, saved.epoch, saved.logged_steps - 1)
    return trainer
