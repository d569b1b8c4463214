import json
from functools import partial
from pathlib import Path

import pytest
import torch
from support import PROJECT, main, read_csv
from torch import nn
from torch.utils.data import TensorDataset

from app.data.mnist import MNIST
from app.networks import ConvNet
from app.tasks import Classification

ADAM = partial(torch.optim.Adam, lr=1e-3)


def task(network: nn.Module, classes: int = 3) -> Classification:
    return Classification(network, ADAM, num_classes=classes, mean=[0.0], std=[1.0])


def test_the_loss_is_the_cross_entropy_of_logits() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 0.0, 1.0]])
    labels = torch.tensor([0, 2])
    by_hand = -(logits[[0, 1], labels] - logits.exp().sum(1).log()).mean()
    classification = task(nn.Identity())
    torch.testing.assert_close(classification.loss(classification.outputs(logits), labels), by_hand)


def test_what_leaves_the_task_are_logits_of_both_signs() -> None:
    logits = Classification(ConvNet(1, [4], 28, 10), ADAM, num_classes=10)(
        torch.randint(0, 256, (9, 1, 28, 28), dtype=torch.uint8)
    )
    assert logits.min() < 0 < logits.max()


def test_bytes_and_fractions_are_the_same_image() -> None:
    classification = Classification(nn.Flatten(), ADAM, num_classes=16, mean=[0.3], std=[0.2])
    image = torch.randint(0, 256, (2, 1, 4, 4), dtype=torch.uint8)
    assert torch.equal(classification(image), classification(image / 255))


def test_statistics_come_from_the_data_set() -> None:
    images = torch.randint(0, 256, (3000, 1, 4, 4), dtype=torch.uint8)
    classification = Classification(nn.Flatten(), ADAM, num_classes=16)
    classification.fit_statistics(TensorDataset(images, torch.zeros(3000)))
    scaled = images.double() / 255
    torch.testing.assert_close(classification.inputs.mean, scaled.mean().float().view(1))
    torch.testing.assert_close(classification.inputs.std, scaled.std(correction=0).float().view(1))


def test_accuracy_is_the_share_of_right_classes() -> None:
    classification = task(nn.Identity())
    logits = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    classification.test_metrics.update(classification.predictions(logits), torch.tensor([0, 1, 1, 2]))
    assert classification.test_metrics.compute()["test/accuracy"].item() == 0.5


def test_a_network_with_other_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="for 4 classes"):
        task(nn.Identity(), classes=4).loss(torch.zeros(2, 3), torch.zeros(2, dtype=torch.long))


def test_the_command_line_learns_and_predicts_images(small_mnist: Path, folder: Path) -> None:
    data = ["--data.init_args.root", str(small_mnist), "--data.init_args.val_size", "40"]
    config = ["--config", str(PROJECT / "configs" / "mnist_mlp.yaml")]
    assert main(["fit", *config, *data, "--data.init_args.batch_size", "20", "--trainer.max_epochs", "8"]) == 0
    run = folder / "lightning_logs/mnist_mlp/version_0"
    assert main(["test", "--run", str(run)]) == 0
    assert main(["predict", "--run", str(run)]) == 0
    rows = read_csv(run / "predictions.csv")
    assert list(rows[0]) == ["index", "label", "predicted", *(f"p_{digit}" for digit in range(10))]
    assert [int(row["index"]) for row in rows] == list(range(50))
    labels = MNIST(str(small_mnist), val_size=40).build("test")[1]
    assert [int(row["label"]) for row in rows] == labels.tolist()
    accuracy = sum(row["label"] == row["predicted"] for row in rows) / len(rows)
    logged = [row["test/accuracy"] for row in read_csv(run / "metrics.csv") if row["test/accuracy"]]
    assert float(logged[0]) == pytest.approx(accuracy)
    assert accuracy > 0.9
    for row in rows:
        probabilities = [float(row[f"p_{digit}"]) for digit in range(10)]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert probabilities.index(max(probabilities)) == int(row["predicted"])


def test_labels_are_smoothed_in_training_only() -> None:
    logits, labels = torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([0])
    smooth = Classification(nn.Identity(), ADAM, num_classes=3, mean=[0.0], std=[1.0], label_smoothing=0.3)
    shares = torch.tensor([[0.8, 0.1, 0.1]])
    torch.testing.assert_close(smooth.train().loss(logits, labels), -(shares * logits.log_softmax(1)).sum())
    torch.testing.assert_close(smooth.eval().loss(logits, labels), -logits.log_softmax(1)[0, 0])


def test_the_accuracy_of_a_class_is_the_share_of_it_that_is_recognized(folder: Path) -> None:
    config = str(PROJECT / "configs" / "tabular_classes.yaml")
    assert main(["fit", "--config", config, "--trainer.max_epochs", "4"]) == 0
    assert main(["test", "--config", config]) == 0
    assert main(["predict", "--config", config]) == 0
    run = folder / "lightning_logs/tabular_classes/version_0"
    scores, rows = json.loads((run / "test.json").read_text()), read_csv(run / "predictions.csv")
    differ = False
    for name in ("apple", "orange", "pear", "plum"):
        right = sum(row["label"] == row["predicted"] == name for row in rows)
        occur, named = (sum(row[column] == name for row in rows) for column in ("label", "predicted"))
        assert scores[f"test/accuracy_{name}"] == pytest.approx(right / occur)
        differ |= occur != named
    assert differ  # else the share of right ones among those named so would be the same


def test_a_class_that_does_not_occur_has_no_accuracy(folder: Path) -> None:
    config = ["--config", str(PROJECT / "configs" / "tabular_classes.yaml")]
    assert main(["fit", *config, "--trainer.max_epochs", "1"]) == 0
    (folder / "new.csv").write_text("weight_g,length_cm,redness,firmness,kind\n200,7,0.6,0.4,pear\n")
    assert main(["test", *config, "--data.init_args.path", "new.csv"]) == 0
    scores = json.loads((folder / "lightning_logs/tabular_classes/version_0/test.json").read_text())
    assert set(scores) == {"test/loss", "test/accuracy", "test/accuracy_pear"}


def test_classes_are_weighted_in_the_cross_entropy() -> None:
    logits, labels = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 0.0, 1.0]]), torch.tensor([0, 2])
    weighted = Classification(nn.Identity(), ADAM, num_classes=3, class_weights=[1.0, 2.0, 5.0])
    nats = -logits.log_softmax(1)[[0, 1], labels]
    by_hand = (1 * nats[0] + 5 * nats[1]) / 6
    for mode in (weighted.train(), weighted.eval()):
        torch.testing.assert_close(mode.loss(logits, labels), by_hand)
    assert weighted.constant_loss(labels) is None
    with pytest.raises(ValueError, match="class_weights must be 3 numbers"):
        Classification(nn.Identity(), ADAM, num_classes=3, class_weights=[1.0])


def test_another_loss_replaces_the_cross_entropy() -> None:
    logits, labels = torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([0])
    margin = Classification(nn.Identity(), ADAM, num_classes=3, loss=nn.MultiMarginLoss())
    torch.testing.assert_close(margin.loss(logits, labels), nn.functional.multi_margin_loss(logits, labels))
    with pytest.raises(ValueError, match="which loss replaces"):
        Classification(nn.Identity(), ADAM, num_classes=3, loss=nn.MultiMarginLoss(), label_smoothing=0.1)


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace", "ignore:This property will be removed")
def test_a_loaded_task_names_its_classes_by_number_outside_of_a_trainer() -> None:
    classification = task(nn.Identity()).eval()
    logits = torch.rand(4, 3)
    assert torch.equal(torch.jit.trace(classification, logits)(logits), logits)
    assert list(classification.class_names) == ["0", "1", "2"]
    assert list(classification.columns(logits, None, None)) == ["predicted", "p_0", "p_1", "p_2"]
