"""Where the time of a training went, if the settings ask for a profiler."""

from lightning.pytorch import Trainer
from lightning.pytorch.profilers import PassThroughProfiler, Profiler, SimpleProfiler

from engine import console

ROWS = 15


def keep(trainer: Trainer) -> None:
    """Have a profiler write its report into the run's folder, where Lightning would log it at a level not shown."""
    profiler: Profiler = trainer.profiler  # type: ignore[attr-defined]  # set at run time
    if not isinstance(profiler, PassThroughProfiler) and profiler.filename is None:
        profiler.filename = "profile"


def show(trainer: Trainer) -> None:
    """Print what took longest, where the profiler knows it, and where the whole report is."""
    profiler: Profiler = trainer.profiler  # type: ignore[attr-defined]  # set at run time
    if isinstance(profiler, PassThroughProfiler):
        return
    if isinstance(profiler, SimpleProfiler):
        took = {name: (len(times), sum(times)) for name, times in profiler.recorded_durations.items()}
        longest = sorted(took.items(), key=lambda item: item[1][1], reverse=True)[:ROWS]
        rows = [[name, count, 1000 * total / count, total] for name, (count, total) in longest if count]
        console.table("\nwhat took longest; one holds another", ["action", "calls", "mean ms", "total s"], rows)
    console.say(f"the whole profile: {profiler.dirpath}/fit-{profiler.filename}.txt")
