import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from engine.training.digest import SampleDigest


def facts(inputs: Tensor, targets: Tensor, batch_size: int = 4) -> dict[str, object]:
    digest, trainer, task = SampleDigest(), Trainer(accelerator="cpu", logger=False), LightningModule()
    for number, batch in enumerate(DataLoader(TensorDataset(inputs, targets), batch_size=batch_size)):
        digest.on_test_batch_end(trainer, task, None, batch, number)
    return digest.facts(trainer)


def test_a_digest_says_whether_samples_are_the_same() -> None:
    inputs, targets = torch.randn(10, 3), torch.arange(10) % 3
    same = facts(inputs, targets)
    assert same["samples"] == 10
    assert facts(inputs.clone(), targets.clone(), batch_size=3) == same  # whatever the batch
    changed = inputs.clone()
    changed[7, 1] += 1e-6
    others = [
        facts(changed, targets),
        facts(inputs, (targets + 1) % 3),
        facts(inputs.flip(0), targets.flip(0)),
        facts(inputs[:9], targets[:9]),
        facts(inputs.reshape(10, 1, 3), targets),
        facts(inputs.bfloat16(), targets),
    ]
    digests = {other["digest"] for other in [same, *others]}
    assert len(digests) == 7
