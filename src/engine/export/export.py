"""Export of a checkpoint: test it, trace it, test the exported model in its place, and keep that if they agree."""

import os
import shlex
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from engine import console
from engine.commands import COMMANDS
from engine.data.in_memory import InMemory
from engine.errors import CommandError, UsageError
from engine.export import graph, metadata
from engine.export.parity import Parity, Recorder
from engine.export.surface import Surface, is_image
from engine.project import program
from engine.runs.files import replacing, write_json
from engine.settings.choice import Choice
from engine.settings.command_line import CommandLine
from engine.training.evaluate import check_owner, merged, restored, trainer_of

# The network is tested as the exported model will run.
ALONE = {
    **{"accelerator": "cpu", "devices": 1, "num_nodes": 1, "strategy": "auto"},
    **{"precision": "32-true", "fast_dev_run": False},
}
FLOAT32 = (None, 32, "32", "32-true")
# Each with its name in the metadata, the step and loader that it needs, and the split of engine.data.
SPLITS = (
    ("test", "test", "test_step", "test_dataloader", "test"),
    ("validate", "validation", "validation_step", "val_dataloader", "val"),
)
# What `predict --model` asks for, by the kind of inputs.
GIVEN = {"table": "--input FILE.csv", "image": "--data.root FOLDER", "text": "--data.prompt TEXT"}


@dataclass(frozen=True)
class Proof:
    """An exported model that agrees with its network: what export.json and the file's own metadata say."""

    report: dict[str, Any]
    about: dict[str, Any]
    parity: Parity


def export(choice: Choice, ending: str, output: str | None, tolerance: float) -> tuple["Tested", Path]:
    """Write RUN/export/model.ENDING and export.json, if the exported model agrees with the network.

    Returns:
        The network, and the folder of the files.

    Raises:
        CommandError: If it does not; nothing is written then, and what an earlier export wrote remains.
        UsageError: If there is no folder for it, or nothing to prove it on.
    """
    start, run = time.monotonic(), choice.run
    check_owner(choice)
    folder = Path(output) if output else run.folder / "export" if run else None
    if folder is None:
        raise UsageError(f"{choice.checkpoint} is not in the folder of a run: say with --output DIR where to write")
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UsageError(f"{there} {'cannot be written' if there.is_dir() else 'is no folder'}: --output DIR")
    with tempfile.TemporaryDirectory() as nowhere, torch.compiler.set_stance("force_eager"):
        tested = Tested(choice, Path(nowhere))
        file = Path(nowhere) / f"model.{ending}"
        proof = prove(tested, file, tolerance)
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / file.name
        with replacing(kept) as target, file.open("rb") as source:
            shutil.copyfileobj(source, target)
        write_json(folder / "export.json", proof.report)
    if run is not None and os.access(run.folder, os.W_OK):
        facts = {"checkpoint": str(tested.saved.path), "epoch": tested.saved.epoch, "file": str(kept)}
        run.update(export={**facts, "wall_time_s": round(time.monotonic() - start, 3)})
    summarize(kept, proof)
    return tested, folder


class Tested:
    """A checkpoint that is tested, by Lightning's own loop, with the callbacks and metrics of its run.

    Args:
        choice: Run and checkpoint.
        folder: Folder for what callbacks write; nothing of it is kept.
    """

    def __init__(self, choice: Choice, folder: Path) -> None:
        self.choice, self.folder = choice, folder
        self.cli = CommandLine(choice)
        self.module, self.data = self.cli.model, self.cli.datamodule
        self.surface = Surface(self.module)
        self.command, self.split = self._split()
        self.saved, _ = restored(self.cli, choice)
        settings = self.cli.config_init.trainer
        if settings.precision not in FLOAT32:
            console.say(f"trained with trainer.precision {settings.precision}; what is exported computes in float32")
        for name, value in ALONE.items():
            settings[name] = value

    def test(self, taking_part: Recorder) -> dict[str, float]:
        """Return the metrics of the test, while a callback stands in for what the surface shows."""
        trainer = trainer_of(self.cli, self.choice, self.saved, self.folder, [taking_part])
        evaluate = trainer.test if self.command == "test" else trainer.validate
        with self.surface.replaced(taking_part.call):
            scores = evaluate(self.module, datamodule=self.data, verbose=False)
        if taking_part.inputs is None and not scores:
            raise UsageError(f"no batch was tested: see trainer.limit_{self.command.removesuffix('idate')}_batches")
        return merged(scores)

    def _split(self) -> tuple[str, str]:
        """Return the command that tests it, and the split that it tests: the validation split if there is no other.

        Raises:
            UsageError: If there is neither.
        """
        places = [self.module] if self.data is None else [self.module, self.data]
        for command, split, step, loader, own in SPLITS:
            loaded = any(is_overridden(loader, place) for place in places)
            there = self.data.has(own) if isinstance(self.data, InMemory) else True  # type: ignore[arg-type]
            if loaded and there and is_overridden(step, self.module):
                return command, split
        raise UsageError("there is neither a test nor a validation split, which an export is proven on")


def prove(tested: Tested, file: Path, tolerance: float) -> Proof:
    """Write an exported model into a file, and return how it agrees with the network.

    Raises:
        CommandError: If it does not agree.
    """
    surface, recorder = tested.surface, Recorder(tested.surface)
    before = tested.test(recorder)
    assert recorder.inputs is not None  # else the test has failed
    inputs = graph.example(recorder.inputs.clone())
    surface.images = is_image(inputs)
    about = described(tested, inputs) | {"tolerance": tolerance}
    trace = graph.onnx if file.suffix == ".onnx" else graph.pt2
    # Of zeros, for a file keeps what was traced: it holds no sample of anyone's data.
    write = trace(surface, torch.zeros_like(surface.outside(inputs)), about["inputs"]["kind"] == "text")
    parity = Parity(surface, graph.opened(write, file, about), inputs)
    after = tested.test(parity)
    parity.check(tolerance, tested.split)
    after, found = after if parity.in_place else {}, parity.differences
    about |= {"metrics": after, "samples": found.samples, "max_difference": found.largest}
    final, array = graph.opened(write, file, about), surface.outside(inputs).numpy()
    if not np.array_equal(final(array), parity.run(array), equal_nan=True):
        raise CommandError("the file gives something else than the exported model that was tested")
    report = {
        "format": file.suffix[1:],
        "opset": graph.OPSET if file.suffix == ".onnx" else None,
        "samples": found.samples,
        "max_difference": found.largest,
        "mean_difference": found.mean,
        "disagreements": found.disagreements,
        "metric": {name: [value, after.get(name)] for name, value in before.items()},
        "tolerance": tolerance,
        "bytes": file.stat().st_size,
    }
    return Proof(report, about, parity)


def described(tested: Tested, inputs: Tensor) -> dict[str, Any]:
    """Return the metadata that are known before the exported model is tested."""
    with torch.no_grad():
        outputs = tested.surface.values(inputs)
    taken = metadata.of_inputs(tested.module, tested.data, inputs)
    given = metadata.of_outputs(tested.surface, tested.data, outputs, taken["kind"] == "text")
    origin = metadata.of_run(tested.saved, tested.choice.run, tested.module)
    return {"version": metadata.VERSION, **origin, "inputs": taken, "outputs": given, "split": tested.split}


def summarize(file: Path, proof: Proof) -> None:
    """Print what was exported, how it agrees, and the commands that come next."""
    report, about, found = proof.report, proof.about, proof.parity.differences
    opset = f", opset {report['opset']}" if report["opset"] else ""
    sizes = " and ".join(", ".join(map(str, sorted(proof.parity.sizes))).rsplit(", ", 1))
    tolerance = f"tolerance {report['tolerance']:g}"
    console.say(f"\n{file}: {report['bytes'] / 1000:,.1f} kB{opset}")
    samples = f"{console.count(found.samples, 'sample')} of the {about['split']} split"
    console.say(f"equal on {samples}, in batches of {sizes}:")
    if found.labels:
        console.say(f"  probabilities differ by {found.largest:.2g} at most ({tolerance})")
        close = " (two classes were equally likely)" if found.disagreements else ""
        console.say(f"  {console.count(found.disagreements, 'label')} of {found.samples:,} differ{close}")
    else:
        size = f"{found.largest:.2g} of their standard deviation"
        console.say(f"  predictions differ by {found.in_units:.2g} at most, {size} ({tolerance})")
    metrics = {name: pair for name, pair in report["metric"].items() if pair[1] is not None}
    if report["metric"] and not metrics:
        surface = proof.parity.surface
        why = "does not call forward in its test" if surface.invertible else "has no outputs_of beside its predictions"
        console.say(f"  {about['task']} {why}: the metrics of the file are not known")
    if metrics:
        rows = enumerate(("network", "exported"))
        console.say("")
        console.metrics(about["split"], {title: {name: pair[n] for name, pair in metrics.items()} for n, title in rows})
    console.say("\nnext")
    name = shlex.quote(str(file))
    console.say(f"  {program()} predict --model {name} {GIVEN.get(about['inputs']['kind'], '')}".rstrip())
    if "serve" in COMMANDS and file.suffix == ".onnx":
        console.say(f"  {program()} serve --model {name}")
