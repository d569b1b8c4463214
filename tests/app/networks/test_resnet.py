import pytest
import torch
from torch import nn

from app.networks import ResNet
from app.networks.resnet import Residual


def silenced(block: Residual) -> Residual:
    """Return a block whose main branch ends in zeros."""
    last = block.main[-1]
    assert isinstance(last, nn.Sequential)
    norm = last[-1]
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.zeros_(norm.weight)
    return block


def test_a_block_adds_to_its_input() -> None:
    maps = torch.randn(4, 8, 6, 6)
    assert torch.equal(silenced(Residual(8, 8, 1))(maps), maps.relu())


def test_where_shapes_differ_a_block_adds_to_a_convolution_of_single_pixels() -> None:
    block = silenced(Residual(4, 8, 2)).eval()
    maps = torch.randn(3, 4, 6, 6)
    assert isinstance(block.shortcut, nn.Sequential)
    convolution = block.shortcut[0]
    assert isinstance(convolution, nn.Conv2d)
    expected = torch.einsum("oc,bchw->bohw", convolution.weight[:, :, 0, 0], maps[:, :, ::2, ::2])
    torch.testing.assert_close(block(maps), (expected / (1 + 1e-5) ** 0.5).relu())


@pytest.mark.parametrize("blocks", [1, 2])
def test_every_block_has_its_shortcut(blocks: int) -> None:
    network = ResNet(3, 5, channels=[4, 8], blocks=blocks)
    found = [layer for layer in network.modules() if isinstance(layer, Residual)]
    assert len(found) == 2 * blocks
    kinds = [type(block.shortcut) for block in found]
    assert kinds.count(nn.Sequential) == 1
    assert network(torch.rand(2, 3, 16, 16)).shape == (2, 5)
