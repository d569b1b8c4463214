import pytest
import torch

from app.networks import MLP, TableMLP

SIZES = [0, 3, 0, 2]  # two columns of numbers, and categories with 3 and 2 numbers
INPUTS = torch.tensor([[5.0, 1.0, torch.nan, 0.0], [7.0, 2.0, 3.0, 1.0], [6.0, 0.0, 4.0, 1.0]])


def network() -> TableMLP:
    torch.manual_seed(0)
    found = TableMLP(SIZES, "median", embedding=4, hidden_features=[8], out_features=2)
    found.columns.fit([INPUTS])
    return found.eval()


def test_it_is_an_mlp_on_filled_numbers_flags_and_embeddings() -> None:
    found = network()
    by_hand = MLP(4 + 2 * 4, [8], 2)
    by_hand.load_state_dict({name: value for name, value in found.state_dict().items() if name.startswith("layers.")})
    assert found.embedding is not None
    rows = torch.tensor([[1, 3], [2, 4], [0, 4]])  # the second column's numbers begin at 3
    together = torch.cat([found.columns(INPUTS), found.embedding.weight[rows].flatten(1)], 1)
    assert torch.equal(found(INPUTS), by_hand(together))
    assert found(INPUTS).isfinite().all()


def test_an_unknown_category_is_neutral_until_it_is_trained() -> None:
    embedding = network().embedding
    assert embedding is not None
    assert embedding.weight.abs().sum(1).bool().tolist() == [False, True, True, False, True]


def test_categories_are_told_apart_and_not_taken_for_amounts() -> None:
    found = network()
    outputs = [found(torch.tensor([[5.0, float(number), 3.0, 1.0]])) for number in range(3)]
    step = outputs[1] - outputs[0]
    assert not torch.allclose(outputs[2] - outputs[1], step, atol=1e-3)


def test_numbers_alone_need_no_embedding_and_categories_alone_no_numbers() -> None:
    numbers, categories = TableMLP([0, 0], hidden_features=[4]), TableMLP([3], hidden_features=[4])
    assert numbers.embedding is None
    for found, inputs in ((numbers, torch.rand(5, 2)), (categories, torch.tensor([[0.0], [2.0]]))):
        found.columns.fit([inputs])
        assert found(inputs).shape == (len(inputs), 1)


def test_columns_must_be_known() -> None:
    with pytest.raises(ValueError, match="category_sizes"):
        TableMLP()
