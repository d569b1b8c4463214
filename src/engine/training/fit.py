"""`fit`: trains in a new run, or resumes one."""

import contextlib
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Timer

from engine import console, process
from engine.errors import CommandError, DivergedError, Interrupted, UsageError, is_owners, one_line, system_error
from engine.logs.run_logger import RunLogger
from engine.logs.tensorboard import events_kept
from engine.project import program
from engine.runs import folder as runs
from engine.runs import provenance
from engine.runs.checkpoint_file import Saved, load
from engine.runs.config_file import changes, flat, short
from engine.runs.files import clear_parts
from engine.runs.folder import Run
from engine.settings.choice import Choice
from engine.settings.command_line import CommandLine
from engine.training import callbacks
from engine.training.checks import LoggingInterval, Monitors, SameLength
from engine.training.initialize import initialize
from engine.training.interruption import Interruption
from engine.training.report import report
from engine.training.run_record import RunRecord
from engine.training.schedule_preview import Previewed, SchedulePreview
from engine.training.state import STOPPED_EARLY, TIME_IS_UP, Restore

# Beginnings of keys that cannot change on resume: a checkpoint restores state that would undo the change.
RESTORED = (
    "model.",
    "callbacks.checkpoint.class_path",
    "callbacks.early_stopping",
    "seed_everything",
)
ANOTHER_METRIC = ("callbacks.early_stopping.init_args.monitor", "callbacks.early_stopping.init_args.mode")
# What is only found out while training: a part of the message of PyTorch or Lightning, and what to say instead.
ADVICE = {
    "Expected more than 1 value per channel": "batch norm needs more than one sample, and the last batch has one:"
    " --data.drop_last true, or another --data.batch_size",
    "Early stopping conditioned on metric": "{error}",
}


def fit(cli: CommandLine, choice: Choice) -> None:
    """Train in a new run, or resume one.

    Raises:
        UsageError: If a run cannot be resumed with these settings, or they train on nothing.
    """
    if choice.run is not None:
        status = choice.run.status  # before the lock makes it look alive
        with _locked(choice.run):
            _resume(cli, choice.run, _weights(cli, choice), status)
    elif choice.preview:
        _preview(cli)
    elif cli.config.trainer.fast_dev_run:
        _begin_with(cli, choice)
        console.say("fast_dev_run: nothing is kept")
        with tempfile.TemporaryDirectory() as folder:
            _train(cli, Run(Path(folder)), {})
    else:
        _begin_with(cli, choice)
        source = str(choice.checkpoint) if choice.checkpoint else None
        with _created(choice) as run:
            trainer = _train(cli, run, {**_origin(cli), "init_from": source})
        report(trainer, run)


def _preview(cli: CommandLine) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Previewed):
        trainer = cli.build_trainer(Path(folder), [SchedulePreview()])
        trainer.fit(cli.model, datamodule=cli.datamodule, weights_only=True)


def _begin_with(cli: CommandLine, choice: Choice) -> None:
    if choice.checkpoint is not None:
        initialize(cli.model, choice.checkpoint, choice.init_strict, choice.trust)


def _weights(cli: CommandLine, choice: Choice) -> Saved | None:
    if choice.checkpoint is None:
        return None
    saved = load(choice.checkpoint, choice.trust)
    saved.restore(cli.model)
    return saved


@contextlib.contextmanager
def _locked(run: Run) -> Iterator[None]:
    """Keep other processes from training a run, and remove what a killed one has left half-written."""
    if not process.is_first():
        yield
        return
    try:
        lock = FileLock(run.lock).acquire(timeout=runs.LOOK, poll_interval=runs.LOOK / 5)
    except Timeout:
        raise UsageError(runs.taken(run)) from None
    with lock:
        clear_parts(run.folder)
        yield


@contextlib.contextmanager
def _created(choice: Choice) -> Iterator[Run]:
    """Yield a new run; nothing is left of one that never took a step, for there would be nothing to evaluate."""
    run, locked = runs.create(choice.root, choice.name, choice.version), False
    try:
        with _locked(run):
            locked = True  # else it is the folder of another process
            yield run
    finally:
        if locked and not run.config.is_file() and process.is_first():
            shutil.rmtree(run.folder, ignore_errors=True)
            for parent in list(run.folder.parents)[: choice.name.count("/") + 2]:
                if parent.is_dir() and not any(parent.iterdir()):
                    parent.rmdir()


def _origin(cli: CommandLine) -> dict[str, Any]:
    command = f"{program()} {shlex.join(sys.argv[1:])}"
    return {"started": _now(), "command": command, "seed": cli.settings["seed_everything"], **provenance.facts()}


def _resume(cli: CommandLine, run: Run, saved: Saved | None, status: str) -> None:
    assert saved is not None  # a run without a checkpoint is refused before
    changed = changes(flat(cli.sources.adapted[run.config]), flat(cli.settings))
    changed.pop("trainer.default_root_dir", None)
    for key, values in changed.items():
        if key.startswith(RESTORED) and key not in ANOTHER_METRIC:
            raise UsageError(
                f"{short(key)} cannot change from {values} when a run is resumed: the state in its checkpoint would"
                f" undo it.\nTo start a new run from its weights: {program()} fit --init_from {run.title}"
                f" --{short(key)} ..."
            )
    if _is_over(cli, run, saved, status):
        return
    console.say(f"resumed from {saved.provenance}")
    resumed = {"time": _now(), "epoch": saved.epochs, "step": saved.steps, "was": status, "changed": changed}
    if not saved.exact:
        console.say(
            f"the loader does not know its position: the rest of epoch {saved.epoch} is drawn anew, and what self.log"
            " averages over this epoch is of the rest"
        )
        resumed["rest_of_epoch"] = "drawn anew"
    trainer = _train(cli, run, {"resumed": [*run.record().get("resumed", []), resumed]}, saved)
    report(trainer, run)


def _is_over(cli: CommandLine, run: Run, saved: Saved, status: str) -> bool:
    """Return whether nothing is left to train, and say so; a run that was killed only then has finished."""
    epochs, steps = cli.config.trainer.max_epochs or -1, cli.config.trainer.max_steps
    ended = saved.content.get("ended")
    if ended == TIME_IS_UP and _time_is_up(cli, saved):
        advice = "has trained for its time; to train longer: --trainer.max_time, counted from the first start"
    elif ended == STOPPED_EARLY:
        advice = f"stopped early; to start a new run from its weights: {program()} fit --init_from {run.title}"
    elif saved.epochs >= epochs > 0 or saved.steps >= steps > 0:
        advice = f"has trained its {console.count(saved.epochs, 'epoch')}; to train longer: --trainer.max_epochs N"
    else:
        return False
    if ended and status == "interrupted":
        named = callbacks.for_evaluation(cli)
        for callback in named:
            if state := saved.content["callbacks"].get(callback.state_key):
                callback.load_state_dict(state)
        facts = callbacks.facts(named)
        run.update(status="finished", reason=ended, epochs=saved.epochs, steps=saved.steps, **facts)
    console.say(f"{run.title} {advice}")
    return True


def _time_is_up(cli: CommandLine, saved: Saved) -> bool:
    """Return whether the time of a run, that of earlier starts counted, is no longer than it has trained."""
    settings = cli.config_init.trainer
    timers = [callback for callback in settings.callbacks or [] if isinstance(callback, Timer)]
    for timer in [*timers, Timer(settings.max_time)]:
        timer.load_state_dict(saved.content["callbacks"].get(timer.state_key, {}))
        if (left := timer.time_remaining()) is not None and left <= 0:
            return True
    return False


def _train(cli: CommandLine, run: Run, facts: dict[str, Any], saved: Saved | None = None) -> Trainer:
    process.fit_threads(cli.model, getattr(cli.datamodule, "batch_size", process.SMALL))
    interruption = Interruption()
    record = RunRecord(run, cli.settings, facts, interruption)
    before = [record, *([SameLength(saved, run.title)] if saved else [])]
    if cli.config.trainer.log_every_n_steps is None:
        before.append(LoggingInterval())
    after = [*([Restore(saved.content.get("resume", {}))] if saved else []), Monitors(), interruption]
    trainer = cli.build_trainer(run.folder, callbacks.for_fit(cli, before, after), saved.logged_steps if saved else 0)
    callbacks.set_apart(trainer, run.folder)
    if trainer.loggers and not any(isinstance(logger, RunLogger) for logger in trainer.loggers):
        console.say("trainer.logger replaces metrics.csv and TensorBoard's events; `logger+:` in a config adds to them")
    path = saved.path if saved else None
    try:
        with events_kept(run.folder, lambda: record.started):
            trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=path, weights_only=not cli.choice.trust)
    except Interrupted:
        if run.last.is_file():
            console.say(f"\nto resume: {program()} fit --run {run.title}")
        raise
    except DivergedError:
        run.update(**callbacks.facts(callbacks.of(trainer)))
        raise
    except CommandError:
        raise
    except Exception as error:
        if explained := _explained(record.cause(error), run, saved, trainer):
            raise explained from error
        raise
    if not record.started:
        raise UsageError(
            "nothing was trained: see trainer.max_epochs, trainer.max_steps and trainer.limit_train_batches"
        )
    record.finish(trainer)
    return trainer


def _explained(error: BaseException, run: Run, saved: Saved | None, trainer: Trainer) -> CommandError | None:
    """Return what went wrong in terms of the run, if that says more than the error itself; None for a bug."""
    if isinstance(error, CommandError):
        return error
    text = one_line(error)
    if advice := next((advice for part, advice in ADVICE.items() if part in text), None):
        return UsageError(advice.format(error=text))
    cause = system_error(error)
    if cause is not None and not run.folder.is_dir():
        return CommandError(f"{run.folder} was deleted while the run trained")
    if cause is not None and (cause.errno in process.FULL_OR_READ_ONLY or not is_owners(error)):
        return CommandError(f"{cause.strerror or cause}: {cause.filename or run.folder}")
    if saved is not None and trainer.global_step <= saved.steps and not is_owners(error):  # not one step went well
        return UsageError(f"{saved.path} cannot be resumed from: {type(error).__name__}: {text}")
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
