import numpy as np
import pytest
import torch
from sklearn.impute import SimpleImputer

from app.networks import Columns
from app.networks.columns import Impute

VALUES = np.array([[1.0, 7.0], [4.0, np.nan], [1.0, 9.0], [2.0, 9.0], [9.0, 8.0], [np.nan, 8.0]], dtype=np.float32)
INPUTS = torch.from_numpy(VALUES)


@pytest.mark.parametrize("impute", ["median", "most_frequent"])
def test_gaps_are_filled_as_scikit_learn_fills_them_and_flagged(impute: Impute) -> None:
    columns = Columns([0, 1], impute)
    columns.fit(INPUTS.split(4))
    filled = SimpleImputer(strategy=impute).fit_transform(VALUES)
    expected = (filled - filled.mean(0)) / filled.std(0)
    found = columns(INPUTS).numpy()
    assert found[:, :2] == pytest.approx(expected, abs=1e-6)
    assert (found[:, 2:] == np.isnan(VALUES)).all()


def test_a_gap_is_flagged_only_where_the_training_split_had_some() -> None:
    columns = Columns([0, 1], "median")
    columns.fit([INPUTS[:5]])  # the first column has none
    filled = columns(torch.tensor([[torch.nan, torch.nan]]))
    assert filled[0, 2:].tolist() == [0, 1]
    assert torch.equal(filled[:, :2], columns(torch.tensor([[2.0, 8.5]]))[:, :2])  # the medians


def test_what_was_fitted_is_in_the_state_dict() -> None:
    columns, loaded = Columns([0, 1], "median"), Columns([0, 1], "median")
    columns.fit([INPUTS])
    loaded.load_state_dict(columns.state_dict())
    assert loaded.fitted
    assert torch.equal(loaded(INPUTS), columns(INPUTS))


def test_without_imputation_numbers_are_standardized_alone() -> None:
    columns = Columns([1])
    columns.fit([INPUTS[2:]])
    assert columns(INPUTS[2:]).flatten().tolist() == pytest.approx([1, 1, -1, -1])
