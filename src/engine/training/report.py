"""Report of a run on the console, when its training has ended."""

import shlex

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden

from engine import console
from engine.commands import COMMANDS
from engine.project import program
from engine.runs.folder import Run
from engine.training.best_and_last import best_and_last
from engine.training.state import STOPPED_EARLY, TIME_IS_UP

STEPS = {"test": ("test_step",), "predict": ("predict_step", "forward")}  # a command needs one of them


def evaluations(trainer: Trainer) -> list[str]:
    """Return the commands that the module has a step for, and it or its data a loader."""
    task, data = trainer.lightning_module, getattr(trainer, "datamodule", None)
    places = [task] if data is None else [task, data]
    return [
        command
        for command, steps in STEPS.items()
        if any(is_overridden(step, task) for step in steps)
        and any(is_overridden(f"{command}_dataloader", place) for place in places)
    ]


def report(trainer: Trainer, run: Run) -> None:
    """Print the metrics of the best and the last epoch, and the commands that come next."""
    checkpoints = best_and_last(trainer)
    last = {name: value.item() for name, value in trainer.callback_metrics.items()}
    columns = {f"last (epoch {trainer.current_epoch - 1})": last}
    if best := checkpoints.best if checkpoints else None:
        step = f", step {best['step']}" if "step" in best else ""
        which = f"best {best['monitor']}" if best["monitor"] else "newest"
        columns = {f"{which} (epoch {best['epoch']}{step})": best["metrics"]} | columns
    record = run.record()
    took = console.duration(record.get("wall_time_s", 0.0))
    stopped = f", {record['reason']}" if record.get("reason") in (STOPPED_EARLY, TIME_IS_UP) else ""
    console.metrics(f"\n{run.folder}: {console.count(trainer.current_epoch, 'epoch')} in {took}{stopped}", columns)
    for profile in sorted(run.folder.glob("fit-*profile*.txt")):
        console.say(f"\nprofile: {profile}")
    console.say("\nnext")
    title = shlex.quote(run.title)
    if run.best.is_file() or run.last.is_file():
        which = "" if run.best.is_file() else " --ckpt_path last"
        for command in evaluations(trainer):
            console.say(f"  {program()} {command} --run {title}{which}")
    if run.averaged.is_file():
        console.say(f"  {program()} test --run {title} --ckpt_path {run.averaged}   (averaged weights, not validated)")
    if record.get("reason") == TIME_IS_UP:
        console.say(f"  {program()} fit --run {title} --trainer.max_time DD:HH:MM:SS   (from the first start)")
    if "board" in COMMANDS:
        console.say(f"  {program()} board --run {title}")
