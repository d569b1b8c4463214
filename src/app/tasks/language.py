"""Language: predict the next character."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from app.tasks.classification import entropy, log_probabilities
from engine import Columns, SupervisedTask, check_range


class NextCharacter(SupervisedTask):
    """Maps character numbers (B, T) to logits of the next (B, characters); the loss is the cross-entropy in nats.

    Args:
        vocabulary: All characters, in the order of their numbers; by default those of the data.
        length: Characters that predict adds to a prompt.
        temperature: Divides the logits before a character is drawn; 0 takes the likeliest.
    """

    exports = "probabilities"

    def __init__(
        self, *args: Any, vocabulary: str | None = None, length: int = 200, temperature: float = 0.5, **kwargs: Any
    ) -> None:
        if not vocabulary:
            raise ValueError("the vocabulary is empty: the data or vocabulary says which characters there are")
        check_range("length", length, 1)
        check_range("temperature", temperature, 0)
        metrics = MetricCollection({"accuracy": MulticlassAccuracy(len(vocabulary), average="micro")})
        super().__init__(*args, metrics=metrics, **kwargs)
        self.vocabulary = vocabulary
        self.length = length
        self.temperature = temperature

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy in nats of logits (B, characters) for character numbers (B,)."""
        return functional.cross_entropy(outputs, targets)

    def constant_loss(self, targets: Tensor) -> float:
        """Return the entropy of single characters (N,) in nats."""
        return entropy(targets)

    def on_test_epoch_end(self) -> None:
        """Log the loss in the units that people compare: bits per character, and perplexity."""
        nats = self.trainer.callback_metrics["test/loss"]
        units = {"test/bits_per_character": nats / math.log(2), "test/perplexity": nats.exp()}
        self.log_dict(units, sync_dist=True)

    def exported(self, inputs: Tensor) -> Tensor:
        """Return the probability of each character to come next (B, characters)."""
        probabilities: Tensor = self(inputs).softmax(1)
        return probabilities

    def outputs_of(self, exported: Tensor) -> Tensor:
        """Return log-probabilities, which are logits of the same probabilities."""
        return log_probabilities(exported)

    def columns(self, inputs: Tensor, targets: Tensor | None, index: Sequence[Any] | None) -> Columns:
        """Return each prompt and how it goes on."""
        texts = ["".join(self.vocabulary[number] for number in row) for row in self.continued(inputs).tolist()]
        width = inputs.shape[1]
        return {"prompt": [text[:width] for text in texts], "continuation": [text[width:] for text in texts]}

    @property
    def class_names(self) -> Sequence[str]:
        """The characters."""
        return self.vocabulary

    @torch.no_grad()
    def continued(self, prompt: Tensor) -> Tensor:
        """Return character numbers (B, T) with length more, each drawn from what the network expects."""
        text = prompt
        for _ in range(self.length):
            logits = self(text)
            if self.temperature > 0:
                draw = torch.multinomial((logits / self.temperature).softmax(1), 1)
            else:
                draw = logits.argmax(1, keepdim=True)
            text = torch.cat([text, draw], 1)
        return text
