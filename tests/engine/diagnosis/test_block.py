"""Sums of a block against torch."""

import pytest
import torch

from engine.diagnosis.block import Block


def test_mean_and_standard_error_are_those_of_all_losses_wherever_the_state_is_saved() -> None:
    losses = torch.rand(30, generator=torch.Generator().manual_seed(0))
    block = Block()
    for number, loss in enumerate(losses):
        block.add(loss)
        if number == 12:
            block = Block(block.state())
    mean, error = block.mean_and_error()
    assert mean == pytest.approx(losses.mean().item())
    assert error == pytest.approx(losses.std(correction=0).item() / 30**0.5)
    assert block.count == 30


def test_a_block_without_losses_has_zeros_and_one_that_is_not_finite_shows() -> None:
    assert Block().mean_and_error() == (0.0, 0.0)
    block = Block()
    block.add(torch.tensor(float("inf")))
    assert block.mean_and_error()[0] == float("inf")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_losses_on_a_gpu_are_added_up_alike() -> None:
    losses = torch.rand(2500, generator=torch.Generator().manual_seed(0))
    blocks = [Block(), Block()]
    for loss in losses:
        blocks[0].add(loss)
        blocks[1].add(loss.cuda())
    assert blocks[0].state() == blocks[1].state()
