from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score
from torch import nn

from app.tasks import MultiLabel

ADAM = partial(torch.optim.Adam, lr=1e-3)
LABELS = ["rain", "wind", "fog"]
DRAW = torch.Generator().manual_seed(0)
TARGETS = (torch.rand(60, 3, generator=DRAW) < 0.4).long()
LOGITS = torch.randn(60, 3, generator=DRAW) + TARGETS


def task(**settings: Any) -> MultiLabel:
    return MultiLabel(nn.Identity(), ADAM, labels=LABELS, **settings)


def test_the_loss_is_the_mean_binary_cross_entropy() -> None:
    chances, true = LOGITS.sigmoid(), TARGETS.bool()
    by_hand = -torch.where(true, chances, 1 - chances).log()
    torch.testing.assert_close(task().loss(LOGITS, TARGETS), by_hand.mean())
    weights = torch.tensor([1.0, 2.0, 5.0])
    weighted = torch.where(true, weights, 1.0) * by_hand
    torch.testing.assert_close(task(positive_weights=weights.tolist()).loss(LOGITS, TARGETS), weighted.mean())


@pytest.mark.parametrize("cuts", [0.5, [0.2, 0.5, 0.8]])
def test_metrics_are_those_of_scikit_learn(cuts: float | list[float]) -> None:
    found = task(thresholds=cuts)
    chances = found.predictions(LOGITS)
    for rows in (slice(40), slice(40, 60)):
        for metrics in (found.test_metrics, found.of_each):
            metrics.update(chances[rows], TARGETS[rows])
    scores, each = found.test_metrics.compute(), found.of_each.compute()
    said, true = (chances.numpy() >= np.array(cuts)), TARGETS.numpy()
    assert scores["test/accuracy"].item() == pytest.approx((said == true).mean())
    assert scores["test/f1"].item() == pytest.approx(f1_score(true, said, average="macro"))
    assert scores["test/average_precision"].item() == pytest.approx(average_precision_score(true, chances.numpy()))
    assert each["f1"].tolist() == pytest.approx(f1_score(true, said, average=None).tolist())
    assert each["accuracy"].tolist() == pytest.approx((said == true).mean(0).tolist())


def test_a_label_that_does_not_occur_has_no_average_precision_and_is_left_out_of_the_mean() -> None:
    found = task()
    targets = TARGETS * torch.tensor([1, 1, 0])
    for metrics in (found.test_metrics, found.of_each):
        metrics.update(LOGITS.sigmoid(), targets)
    each = found.of_each.compute()["average_precision"]
    assert each.isnan().tolist() == [False, False, True]
    assert found.test_metrics.compute()["test/average_precision"] == each[:2].mean()


def test_always_predicting_the_rates_scores_the_constant_loss() -> None:
    rates = TARGETS.float().mean(0)
    constant = task().loss(rates.logit().expand(60, 3), TARGETS).item()
    assert task().constant_loss(TARGETS) == pytest.approx(constant)


def test_predictions_say_yes_from_the_threshold_on() -> None:
    columns = task(thresholds=[0.2, 0.5, 0.8]).columns(torch.zeros(2, 3), torch.tensor([[1, 0, 0], [0, 1, 1]]), [4, 7])
    assert list(columns)[:4] == ["index", "label_rain", "predicted_rain", "p_rain"]
    assert [columns[f"predicted_{name}"] for name in LABELS] == [["yes"] * 2, ["yes"] * 2, ["no"] * 2]
    assert columns["label_fog"] == ["no", "yes"]
    assert torch.as_tensor(columns["p_fog"]).tolist() == [0.5, 0.5]
    assert "label_rain" not in task().columns(torch.zeros(2, 3), None, None)


def test_settings_that_do_not_match_the_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="labels are none"):
        MultiLabel(nn.Identity(), ADAM)
    with pytest.raises(ValueError, match="thresholds must be one for each of 3 labels"):
        task(thresholds=[0.5, 0.5])
    with pytest.raises(ValueError, match=r"thresholds must be in \[0, 1\]: 2"):
        task(thresholds=2)
    with pytest.raises(ValueError, match=r"outputs \(2, 4\) for targets \(2, 3\)"):
        task().loss(torch.zeros(2, 4), torch.zeros(2, 3))
