import pytest
import torch
from torch import nn

from app.networks import ConvNet


def test_it_is_the_network_written_by_hand() -> None:
    torch.manual_seed(0)
    by_hand = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1568, 10),
    )
    by_hand.to(memory_format=torch.channels_last)
    torch.manual_seed(0)
    network = ConvNet(1, [16, 32], 28, 10)
    images = torch.randn(4, 1, 28, 28)
    assert torch.equal(network(images), by_hand(images))
    assert sum(p.numel() for p in network.parameters()) == 160 + 4640 + 15690


def test_logits_take_both_signs() -> None:
    logits = ConvNet(1, [16, 32], 28, 10)(torch.randn(20, 1, 28, 28))
    assert logits.min() < 0 < logits.max()


def test_odd_sizes_round_down_as_pooling_does() -> None:
    assert ConvNet(3, [4, 4], 27, 5)(torch.rand(2, 3, 27, 27)).shape == (2, 5)


def test_more_blocks_than_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match="leave too little of 4 pixels"):
        ConvNet(1, [2, 2, 2], 4, 10)


def test_dropout_acts_before_the_only_linear_layer() -> None:
    network = ConvNet(1, [4], 8, 5, dropout=0.5)
    kinds = [type(layer).__name__ for layer in network.modules() if not list(layer.children())]
    assert kinds == ["Conv2d", "ReLU", "MaxPool2d", "Dropout", "Linear"]


def test_options_build_the_layers_that_they_name() -> None:
    network = ConvNet(3, [4, 8], 32, 5, pooled_size=2, hidden_features=[6], batch_norm=True, dropout=0.5)
    kinds = [type(layer).__name__ for layer in network.modules() if not list(layer.children())]
    block = ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    assert kinds == [*block, *block, "AdaptiveAvgPool2d", "Linear", "ReLU", "Dropout", "Linear"]
    assert sum(p.numel() for p in network.parameters()) == 108 + 8 + 288 + 16 + (32 * 6 + 6) + (6 * 5 + 5)
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 5)
