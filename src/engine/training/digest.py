"""Digest of the samples that a test scored: whether two runs were scored on the same is decided by content."""

import hashlib
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from engine.watcher import Watcher


class SampleDigest(Watcher):
    """Hashes the samples of a test as the network gets them, in their order, whatever the size of a batch.

    Each tensor of a batch has a hash of its own. Of several processes none has all samples: there is no digest then.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._hashes: list[Any] = []

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        """Add a batch."""
        tensors: list[Tensor] = []
        apply_to_collection(batch, Tensor, tensors.append)
        for number, tensor in enumerate(tensors):
            if number == len(self._hashes):
                kind = f"{tensor.dtype} {tuple(tensor.shape[1:])}"
                self._hashes.append(hashlib.sha256(kind.encode()))
            self._hashes[number].update(tensor.detach().reshape(-1).view(torch.uint8).numpy(force=True))
        self.samples += len(tensors[0]) if tensors and tensors[0].ndim else 0

    def facts(self, trainer: Trainer) -> dict[str, Any]:
        """Return the number of samples and their digest for run.json, nothing if they are not known."""
        if self.off or trainer.world_size > 1 or not self._hashes:
            return {}
        digest = hashlib.sha256(b"".join(part.digest() for part in self._hashes))
        return {"samples": self.samples, "digest": digest.hexdigest()[:16]}
