"""Benchmark of formats: size, time, start-up and metric of a network in PyTorch and in the files that it leaves as."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine import console
from engine.comparison.statistics import paired_bootstrap
from engine.export import graph
from engine.export.export import Tested
from engine.export.formats import SIZES, Format, Span, formats_of
from engine.process import fit_threads
from engine.runs.files import write_json

Array = NDArray[Any]
ROUNDS, STARTS = 7, 3  # of all formats in turn
ROUND = 0.05  # seconds that a format is called for in a round


def benchmark(tested: Tested, folder: Path, words: Sequence[str]) -> None:
    """Measure a network that was exported, print a table and write it to benchmark.json.

    Args:
        tested: The network, and the split that it was proven on.
        folder: Folder of benchmark.json.
        words: What the command line said, to build the network again in a process of its own.
    """
    tested.surface.eval()
    fit_threads(tested.module, max(SIZES))  # two threads would spend the time of a small network on each other
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as place:
        first = next(_batches(tested))[0]
        np.save(Path(place) / "one.npy", first[:1])
        console.say("\nmeasuring formats: torch.compile and processes of their own take a minute or two")
        formats = list(formats_of(tested, Path(place), first, threads, words))
        with graph.quiet():
            metric, samples = _score(tested, formats)
            for size in SIZES:
                _time(formats, np.resize(first, (size, *first.shape[1:])), size)
        _start(formats, Path(place))
    what = f"{console.count(samples, 'sample')} of the {tested.split} split, " if metric else ""
    title = f"formats of {tested.saved.path} ({what}{console.count(threads, 'thread')})"
    console.table(title, *_table(formats, metric))
    found = {"threads": threads, "split": tested.split, "samples": samples, "metric": metric}
    write_json(folder / "benchmark.json", {**found, "formats": [_plain(each) for each in formats]})
    console.say(f"{folder / 'benchmark.json'}")


def _batches(tested: Tested) -> Iterator[tuple[Array, Any]]:
    """Yield inputs as they come from outside, and targets, of the split that the network was tested on."""
    source = tested.module if tested.data is None else tested.data
    loader = source.test_dataloader() if tested.split == "test" else source.val_dataloader()
    for batch in loader:
        inputs, *rest = [batch] if isinstance(batch, torch.Tensor) else batch
        yield tested.surface.outside(inputs).numpy(), rest[0] if rest else None


def _score(tested: Tested, formats: Sequence[Format]) -> tuple[str | None, int]:
    """Set the metric of each format, and its change against the first; return the metric's name and the samples."""
    errors: list[list[Array]] = [[] for _ in formats]
    metric = None
    for inputs, targets in _batches(tested):
        for found, each in zip(errors, formats, strict=True):
            outputs = each.run(inputs)
            if not isinstance(targets, torch.Tensor):
                return None, 0
            if targets.ndim == 1 and not targets.is_floating_point() and tested.surface.name == "probabilities":
                metric = "accuracy"
                found.append((outputs.argmax(1) != targets.numpy()).astype(float))
            elif targets.shape == outputs.shape:
                metric = "mae"
                found.append(abs(outputs - targets.numpy()).reshape(len(outputs), -1).mean(1))
            else:
                return None, 0
    whole = [np.concatenate(parts) for parts in errors]
    for found_errors, each in zip(whole, formats, strict=True):
        mean = float(found_errors.mean())
        each.metric = 1 - mean if metric == "accuracy" else mean
        a, b = (whole[0], found_errors) if metric == "accuracy" else (found_errors, whole[0])
        each.change = None if each is formats[0] else paired_bootstrap(a, b)
    return metric, len(whole[0])


def _time(formats: Sequence[Format], batch: Array, size: int) -> None:
    """Set the milliseconds of a batch in each format; all are measured in turn, so that a busy minute hits all."""
    calls: list[int] = []
    for each in formats:
        each.run(batch)
        begin = time.perf_counter()
        each.run(batch)
        calls.append(max(1, min(1000, int(ROUND / (time.perf_counter() - begin)))))
    taken: list[list[float]] = [[] for _ in formats]
    for _ in range(ROUNDS):
        for each, count, found in zip(formats, calls, taken, strict=True):
            begin = time.perf_counter()
            for _ in range(count):
                each.run(batch)
            found.append((time.perf_counter() - begin) / count * 1000)
    for each, found in zip(formats, taken, strict=True):
        each.milliseconds[size] = _span(found)


def _start(formats: Sequence[Format], place: Path) -> None:
    """Set the seconds from the start of a process to its first prediction; what is compiled is compiled anew."""
    taken: list[list[float]] = [[] for _ in formats]
    for number in range(STARTS):
        for each, found in zip(formats, taken, strict=True):
            cache = {"TORCHINDUCTOR_CACHE_DIR": str(place / f"compiled_{number}")}
            environment = {**os.environ, **cache, "PYTHONPATH": os.pathsep.join(sys.path)}
            begin = time.perf_counter()
            command = list(map(str, each.start))
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
            ) as process:
                assert process.stdout is not None
                done = process.stdout.readline()
                if done == "predicted\n":
                    found.append(time.perf_counter() - begin)
    for each, found in zip(formats, taken, strict=True):
        each.start_s = _span(found) if found else None


def _span(values: Sequence[float]) -> Span:
    return Span(statistics.median(values), min(values), max(values))


def _table(formats: Sequence[Format], metric: str | None) -> tuple[list[str], list[list[Any]]]:
    """Return names and rows of the table."""
    names = ["format", "kB", *(f"ms, batch of {size}" for size in SIZES), "start, s"]
    rows = []
    for each in formats:
        times = [each.milliseconds[size].text for size in SIZES]
        row = [each.name, f"{each.bytes / 1000:,.0f}", *times, each.start_s.text if each.start_s else "failed"]
        if metric:
            change = each.change
            shown = f"{change.delta:+.2g} ({change.low:+.2g} to {change.high:+.2g})" if change else ""
            row += [f"{each.metric:.6g}", shown]
        rows.append([*row, each.note])
    return [*names, *([metric, "change (95 %)"] if metric else []), "note"], rows


def _plain(each: Format) -> dict[str, Any]:
    """Return what is measured of a format, as JSON has it."""
    return {
        "name": each.name,
        "bytes": each.bytes,
        "milliseconds": {str(size): asdict(span) for size, span in each.milliseconds.items()},
        "start_s": asdict(each.start_s) if each.start_s else None,
        "metric": each.metric,
        "change": asdict(each.change) if each.change else None,
        "note": each.note,
    }
