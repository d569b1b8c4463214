"""Checkpoint files: loaded without running code that they may contain, and written atomically."""

import pickle
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.plugins.io import TorchCheckpointIO

from engine.console import number, say
from engine.errors import UsageError
from engine.runs.files import replacing
from engine.runs.plain_values import refused, to_numpy, to_tensors


@dataclass(frozen=True)
class Saved:
    """A checkpoint file and its contents."""

    path: Path
    content: dict[str, Any]  # what Lightning saved, on the CPU

    @property
    def epochs(self) -> int:
        """Number of epochs trained to their end."""
        return int(self._loop["epoch_progress"]["current"]["processed"])

    @property
    def epoch(self) -> int:
        """Epoch of the last batch, from 0."""
        started = int(self._loop["epoch_progress"]["total"]["started"])
        return max(started, self.epochs) - 1

    @property
    def steps(self) -> int:
        """Number of optimizer steps; what Lightning counts for its logs lags by one while it validates."""
        return int(self.content["global_step"])

    @property
    def logged_steps(self) -> int:
        """Number of steps that loggers count: of several optimizers that step on one batch, one."""
        stepped = int(self._loop["epoch_loop.state_dict"]["_batches_that_stepped"])
        epochs = self._loop["epoch_progress"]["total"]
        return stepped + int(epochs["processed"] < epochs["started"])  # the step at hand is counted last

    @property
    def exact(self) -> bool:
        """Whether a resume goes on with the batches that would have come next."""
        return bool(self.content.get("resume", {}).get("exact", True))

    @property
    def _loop(self) -> dict[str, Any]:
        loop: dict[str, Any] = self.content["loops"]["fit_loop"]
        return loop

    @property
    def provenance(self) -> str:
        """One line for a person: file, epoch and score."""
        score = self.content.get("score")
        when = f" in epoch {score['epoch']}" if score and score["epoch"] != self.epoch else ""
        when += f" at step {score['step']}" if score and score.get("step", self.steps) != self.steps else ""
        text = f", {score['monitor']} {number(score['value'])}{when}" if score else ""
        whole = self.epoch < self.epochs or self._loop["epoch_loop.batch_progress"]["is_last_batch"]
        inside = "" if whole else f" (step {self.steps})"
        return f"{self.path}: epoch {self.epoch}{inside}{text}"

    def restore(self, task: LightningModule) -> None:
        """Load the weights into a task; with `strict_loading = False` some may be missing, as for Lightning.

        Raises:
            UsageError: If they are those of another network.
        """
        task.configure_model()
        task.on_load_checkpoint(self.content)
        try:
            with warnings.catch_warnings(action="error"):
                task.load_state_dict(self.content["state_dict"], strict=task.strict_loading)
        except Exception as error:  # of what kind depends on what is wrong with the weights
            lines = [line.strip() for line in str(error).splitlines()]
            detail = next(iter(lines[1:] or lines), type(error).__name__)
            raise UsageError(f"{self.path} holds another network than the settings say: {detail}") from error


def read(path: Path, trust: bool = False) -> Any:
    """Read a file with torch.load(weights_only=True): one that holds code is refused, and does not run.

    Args:
        path: The file.
        trust: Whether its user has said that it may run code.

    Raises:
        UsageError: If it is damaged or unsafe.
    """
    if trust:
        say(f"--trust: whatever code {path} names is run to load it")
    try:
        with warnings.catch_warnings(action="ignore"):
            _check_sums(path)
            return to_numpy(torch.load(path, map_location="cpu", weights_only=not trust))
    except pickle.UnpicklingError as error:
        advice = "; --trust loads one of your own, and runs the code in it"
        raise UsageError(f"{path} is not a checkpoint that can be loaded safely (weights only){advice}") from error
    except Exception as error:  # of what kind depends on the byte
        reason = (str(error) or "it ends too early").splitlines()[0]
        raise UsageError(f"{path} is damaged or not a checkpoint: {reason}") from error


def load(path: Path, trust: bool = False) -> Saved:
    """Read the checkpoint of a run; `trust` as in `read`.

    Raises:
        UsageError: If it is damaged, unsafe or not a checkpoint of Lightning.
    """
    content = read(path, trust)
    needed = {"epoch", "global_step", "state_dict", "loops"}
    if not isinstance(content, dict) or not needed <= content.keys():
        raise UsageError(f"{path} is not a checkpoint of a run: it needs {', '.join(sorted(needed))}")
    saved = Saved(path, content)
    try:
        with warnings.catch_warnings(action="error"):
            _ = saved.epochs, saved.epoch, saved.steps, saved.logged_steps, saved.provenance
    except Exception as error:  # of what kind depends on what stands in its place
        raise UsageError(f"{path} is not a checkpoint of a run: its progress or score is unreadable") from error
    return saved


def _check_sums(path: Path) -> None:
    """Compare the checksums of all parts, which torch.load does not: a flipped bit would be a wrong weight."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":  # not a zip file: older, and pickled as a whole
            return
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():  # testzip opens them by name, and a name may be damaged, too
            if part.external_attr & 0x10:  # says that it is a folder: PyTorch would take what is in memory for it
                raise ValueError(f"{part.filename} is a folder")
            with archive.open(part) as content:
                while content.read(2**20):
                    pass  # reading to the end compares


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints atomically: an interrupted write leaves the one before.

    Args:
        trust: Whether checkpoints may hold objects that are loaded by running code.
    """

    def __init__(self, trust: bool = False) -> None:
        super().__init__()
        self.trust = trust
        self._known: set[str] = set()  # what was reported
        self._begun = False

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint, into a folder that may not exist yet.

        Raises:
            UsageError: If it is the first of a run, before its first step, and could not be loaded safely.
        """
        path, content = Path(path), to_tensors(checkpoint)
        first, self._begun = not self._begun and not any(path.parent.glob("*.ckpt")), True
        if not self.trust:
            self._check(content, path, first)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            torch.save(content, file)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read a checkpoint."""
        content: dict[str, Any] = to_numpy(super().load_checkpoint(path, *args, **kwargs))
        return content

    def _check(self, content: dict[str, Any], path: Path, first: bool) -> None:
        new = {key: kind for key, kind in refused(content).items() if key not in self._known}
        self._known |= new.keys()
        if not new:
            return
        parts = ", ".join(f"{key} is of class {kind}" for key, kind in list(new.items())[:3])
        if first:
            raise UsageError(
                f"a checkpoint of this run could not be loaded safely: {parts}.\nSave numbers, texts, tensors and"
                " arrays, in lists and dicts; or train, and then load its checkpoints, with --trust"
            )
        say(f"{path} can be loaded with --trust only: {parts}")
