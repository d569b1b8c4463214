import torch

from app.data.product import Product


def test_targets_are_products_of_inputs_in_range() -> None:
    inputs, targets = Product().build("train")
    assert inputs.shape == (1000, 2)
    assert torch.equal(targets[:, 0], inputs[:, 0] * inputs[:, 1])
    assert inputs.min() >= 1
    assert inputs.max() < 10
    assert inputs.mean().item() > 5


def test_splits_have_their_sizes_and_share_nothing() -> None:
    data = Product()
    splits = [data.build("train")[0], data.build("val")[0], data.build("test")[0]]
    assert [len(split) for split in splits] == [1000, 200, 200]
    rows = {tuple(row) for split in splits for row in split.tolist()}
    assert len(rows) == 1400


def test_splits_do_not_depend_on_the_seed_of_the_run() -> None:
    torch.manual_seed(1)
    first = Product().build("test")[0]
    torch.manual_seed(2)
    assert torch.equal(Product().build("test")[0], first)
