import pytest
import torch

from app.networks import Standardizer


def test_statistics_are_those_of_the_whole_whatever_the_batches() -> None:
    values = torch.randn(1000, 3) * torch.tensor([1.0, 20.0, 0.01]) + torch.tensor([0.0, 5.0, -3.0])
    standardizer = Standardizer()
    standardizer.fit(values.split(96))
    torch.testing.assert_close(standardizer.mean, values.double().mean(0).float())
    torch.testing.assert_close(standardizer.std, values.double().std(0, correction=0).float())


def test_a_large_offset_does_not_spoil_the_deviation() -> None:
    values = torch.rand(500, 1) + 1e6
    standardizer = Standardizer()
    standardizer.fit(values.split(100))
    torch.testing.assert_close(standardizer.std, values.double().std(0, correction=0).float())


def test_images_are_standardized_per_channel() -> None:
    images = torch.rand(50, 3, 4, 4) * torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1)
    standardizer = Standardizer()
    standardizer.fit([images])
    outputs = standardizer(images)
    torch.testing.assert_close(outputs.mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(outputs.std((0, 2, 3), correction=0), torch.ones(3))


def test_the_inverse_returns_to_original_units() -> None:
    values = torch.randn(20, 2) * 7 + 3
    standardizer = Standardizer()
    standardizer.fit([values])
    torch.testing.assert_close(standardizer.inverse(standardizer(values)), values)


def test_a_constant_channel_maps_to_zero() -> None:
    values = torch.full((10, 1), 0.1)
    standardizer = Standardizer()
    standardizer.fit(values.split(3))
    assert torch.equal(standardizer(values), torch.zeros(10, 1))


def test_statistics_of_any_width_are_restored_from_a_checkpoint() -> None:
    fitted, fresh = Standardizer(), Standardizer()
    fitted.fit([torch.randn(10, 4)])
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(fresh.mean, fitted.mean)
    assert fresh.fitted


def test_known_statistics_are_not_fitted_again() -> None:
    standardizer = Standardizer([0.5], [0.25])
    assert standardizer.fitted
    assert standardizer(torch.ones(1, 1)).item() == 2


@pytest.mark.parametrize(("mean", "std"), [([0.5], None), ([0.5], [0.1, 0.1]), ([0.5], [0.0])])
def test_statistics_that_make_no_sense_are_refused(mean: list[float], std: list[float] | None) -> None:
    with pytest.raises(ValueError, match="std"):
        Standardizer(mean, std)


def test_no_data_has_no_statistics() -> None:
    with pytest.raises(ValueError, match="empty"):
        Standardizer().fit([])
