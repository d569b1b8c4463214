"""`fit`: a new run, or one that goes on."""

import contextlib
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.plugins.io import TorchCheckpointIO

from engine import console, performance, processes, profiles
from engine.dashboard.dashboard import Dashboard
from engine.diagnosis.watch import Diagnosis
from engine.errors import CommandError, DivergedError, Interrupted, UsageError, system_error
from engine.logs.metrics_file import MetricsFile
from engine.logs.tensorboard import TensorBoard, events_kept
from engine.project import program
from engine.runs import files as durable
from engine.runs import folder as runs
from engine.runs import lock
from engine.runs import provenance as environment
from engine.runs.checkpoint_file import Saved, WholeFiles, load
from engine.runs.config_file import changes, dump, flat, read
from engine.runs.folder import Run
from engine.settings.command_line import CommandLine, callbacks
from engine.settings.options import Arguments
from engine.training.best_and_last import BestAndLast
from engine.training.checks import Monitors, SameLength
from engine.training.interruption import Interruption
from engine.training.resume import Resume
from engine.training.run_record import RunRecord

# What a checkpoint restores would undo a change of these, or contradict it.
RESTORED = (
    *("model.", "callbacks.checkpoint.class_path", "callbacks.checkpoint.init_args.mo", "callbacks.early_stopping"),
    "seed_everything",
)

# What is only found out while training: a part of the message of PyTorch or Lightning, and what to say instead.
ADVICE = {
    "Expected more than 1 value per channel": "batch norm needs more than one sample, and the last batch has one:"
    " --data.init_args.drop_last true, or another --data.init_args.batch_size",
    "Early stopping conditioned on metric": "{error}",
}


def fit(cli: CommandLine, arguments: Arguments) -> None:
    """Train in a new run, or go on in the run that is resumed.

    Raises:
        UsageError: If a run cannot be resumed with these settings, or they train on nothing.
    """
    status = arguments.run.status if arguments.run else ""  # before the lock makes it look alive
    with _locked(arguments.run) if arguments.run else contextlib.nullcontext():
        saved = load(arguments.checkpoint) if arguments.checkpoint else None
        if saved is not None:
            saved.restore(cli.model)
        if cli.config.trainer.fast_dev_run:
            console.say("fast_dev_run: nothing is kept")
            with tempfile.TemporaryDirectory() as folder:
                _train(cli, Run(Path(folder)), None, lambda: None)
        elif arguments.run is None:
            _start(cli, arguments, saved)
        elif saved is not None:
            _resume(cli, arguments.run, saved, status)


@contextlib.contextmanager
def _locked(run: Run) -> Iterator[None]:
    """Keep other processes from training a run, and clear away what one that was killed left half-written."""
    if not runs.first_process():
        yield
        return
    with lock.holding(run.lock) as free:
        if not free:
            raise UsageError(runs.taken(run))
        durable.clear(run.folder)
        durable.clear(run.last.parent)
        yield


def _start(cli: CommandLine, arguments: Arguments, weights: Saved | None) -> None:
    def begin() -> None:
        _save_settings(cli, run)
        run.update(
            started=_now(),
            command=shlex.join(["app", *sys.argv[1:]]),
            seed=cli.settings["seed_everything"],
            init_from=str(weights.path) if weights else None,
            **environment.facts(),
        )

    if weights is not None:
        console.say(f"weights from {weights.provenance}")
    run = runs.create(arguments.root, arguments.name)
    try:
        with _locked(run):
            _train(cli, run, None, begin)
    finally:
        if not run.config.is_file() and runs.first_process():
            _discard(run)
    _report(cli.trainer, run)


def _resume(cli: CommandLine, run: Run, saved: Saved, status: str) -> None:
    changed = changes(read(run.config), flat(cli.settings))
    changed.pop("trainer.default_root_dir", None)
    for key, values in changed.items():
        if key.startswith(RESTORED):
            raise UsageError(
                f"{key} cannot change from {values} when a run is resumed: the state in its checkpoint would undo it.\n"
                f"To start a new run from its weights: {program()} fit --init_from {run.title} --{key} ..."
            )
    if _is_over(cli.trainer, run, saved, status):
        return

    def begin() -> None:
        _save_settings(cli, run)
        resumed = {"time": _now(), "epoch": saved.epochs, "step": saved.steps, "was": status, "changed": changed}
        run.update(resumed=[*run.record().get("resumed", []), resumed])

    console.say(f"resumed from {saved.provenance}")
    callbacks(cli.trainer).insert(0, SameLength(saved, run.title))
    _train(cli, run, saved, begin)
    _report(cli.trainer, run)


def _is_over(trainer: Trainer, run: Run, saved: Saved, status: str) -> bool:
    """Say whether there is nothing left to train, to the user too; a run that was killed only then has finished."""
    epochs, steps = trainer.max_epochs or -1, trainer.max_steps
    if saved.ended == "stopped early":
        advice = f"stopped early; to start a new run from its weights: {program()} fit --init_from {run.title}"
    elif saved.epochs >= epochs > 0 or saved.steps >= steps > 0:
        advice = f"has trained its {saved.epochs} epochs; to go on: --trainer.max_epochs N"
    else:
        return False
    if saved.ended and status == "interrupted":
        state = saved.content["callbacks"].get("Diagnosis", {})
        diagnosis = [f"{name}: {evidence}" for name, evidence, _ in state.get("reported", state.get("said", []))]
        run.update(status="finished", reason=saved.ended, epochs=saved.epochs, steps=saved.steps, diagnosis=diagnosis)
    console.say(f"{run.title} {advice}")
    return True


def _train(cli: CommandLine, run: Run, saved: Saved | None, begin: Callable[[], None]) -> None:
    performance.fit_threads(cli.model, getattr(cli.datamodule, "batch_size", performance.SMALL))
    trainer, interruption = cli.trainer, Interruption()
    record = RunRecord(run, cli.settings["seed_everything"], begin, interruption)
    path = saved.path if saved else None
    _open(trainer, run, saved.steps if saved else 0)
    profiles.keep(trainer)
    callbacks(trainer)[:0] = [record, Monitors()]
    callbacks(trainer).extend([*([Resume(saved.resume)] if saved else []), interruption])
    try:
        with events_kept(run.folder, lambda: record.started), processes.watched(lambda reason: _fail(run, reason)):
            trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=path, weights_only=True)
    except DivergedError:
        _note(trainer, run)
        raise
    except Interrupted:
        if run.last.is_file():
            console.say(f"\nto go on: {program()} fit --run {run.title}")
        raise
    except (CommandError, MisconfigurationException):
        raise
    except Exception as error:
        if (cause := record.cause(error)) is not error:
            raise cause from error
        if explained := _explained(error, run, saved, trainer):
            raise explained from error
        raise
    if not record.started:
        raise UsageError(
            "nothing was trained: see trainer.max_epochs, trainer.max_steps and trainer.limit_train_batches"
        )
    _note(trainer, run)
    record.finish(trainer)
    profiles.show(trainer)


def _explained(error: Exception, run: Run, saved: Saved | None, trainer: Trainer) -> CommandError | None:
    """Return what went wrong in terms of the run, if that says more than the error itself."""
    text = " ".join(str(error).split())
    if advice := next((advice for part, advice in ADVICE.items() if part in text), None):
        return UsageError(advice.format(error=text))
    if not run.folder.is_dir():
        return CommandError(f"{run.folder} was deleted while the run trained")
    if isinstance(error, OSError):
        return None if error.filename else CommandError(f"{error.strerror or error}: {run.folder}")
    if cause := system_error(error):  # Lightning and TensorBoard raise others in its place
        return CommandError(f"{cause.strerror}: {cause.filename or run.folder}")
    if saved is not None and trainer.global_step <= saved.steps:  # not one step went well
        return UsageError(f"{saved.path} cannot be resumed from: {type(error).__name__}: {text}")
    return None


def _note(trainer: Trainer, run: Run) -> None:
    for callback in callbacks(trainer):
        if isinstance(callback, Diagnosis):
            run.update(diagnosis=[f"{finding.name}: {finding.evidence}" for finding in callback.findings])


def _open(trainer: Trainer, run: Run, step: int) -> None:
    # What else Lightning writes, profiles say, belongs to the run.
    trainer._default_root_dir = str(run.folder)  # type: ignore[attr-defined]  # set at run time
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # a strategy may have its own
        trainer.strategy.checkpoint_io = WholeFiles()
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoard | MetricsFile):
            logger.begin(run.folder, purge_step=step)
    for callback in callbacks(trainer):
        if isinstance(callback, BestAndLast):
            callback.folder = run.folder / "checkpoints"
        if isinstance(callback, Dashboard):
            callback.folder = run.folder


def _save_settings(cli: CommandLine, run: Run) -> None:
    runs.write_text(run.config, dump(cli.settings))


def _fail(run: Run, reason: str) -> None:
    if run.config.is_file():
        run.update(status="failed", reason=reason.splitlines()[0])
    else:
        _discard(run)


def _discard(run: Run) -> None:
    """Leave nothing of a run that never took a step: it would be the newest, and there is nothing to evaluate."""
    shutil.rmtree(run.folder, ignore_errors=True)
    for parent in (run.folder.parent, run.folder.parent.parent):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def _report(trainer: Trainer, run: Run) -> None:
    found = [callback.best for callback in trainer.checkpoint_callbacks if isinstance(callback, BestAndLast)]
    last = {name: value.item() for name, value in trainer.callback_metrics.items()}
    columns = {f"last (epoch {trainer.current_epoch - 1})": last}
    if found and found[0]:
        best = found[0]
        columns = {f"best {best['monitor']} (epoch {best['epoch']})": best["metrics"]} | columns
    record = run.record()
    took = console.duration(record.get("wall_time_s", 0.0))
    stopped = ", stopped early" if record.get("reason") == "stopped early" else ""
    console.metrics(f"\n{run.folder}: {trainer.current_epoch} epochs in {took}{stopped}", columns)
    console.say("\nnext")
    if run.best.is_file() or run.last.is_file():
        which = "" if run.best.is_file() else " --ckpt_path last"
        console.say(f"  {program()} test --run {shlex.quote(run.title)}{which}")
        console.say(f"  {program()} predict --run {shlex.quote(run.title)}{which}")
    console.say(f"  {program()} board --run {shlex.quote(run.title)}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
