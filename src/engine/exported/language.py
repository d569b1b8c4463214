"""Text from an exported model of the next character."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError
from engine.exported.model import ExportedModel
from engine.exported.rows import Columns, from_prompt


def continued(model: ExportedModel, prompt: str, length: int, temperature: float, seed: int) -> Columns:
    """Return a prompt and how it goes on, the columns that `predict --run` writes.

    Args:
        model: Gives the probabilities of the next character.
        prompt: Text of one or more characters of its vocabulary.
        length: Characters to add.
        temperature: Divides the logits before a character is drawn; 0 takes the likeliest.
        seed: Of the random numbers.

    Raises:
        DataError: If a character is not in the vocabulary, or there are too few of them.
    """
    random = np.random.default_rng(seed)
    text, window = from_prompt(prompt, model.inputs), model.shape[1]
    if window and len(prompt) < window:
        raise DataError(f"the prompt needs at least {window} characters")
    for _ in range(length):
        probabilities = model(text[:, -window:] if window else text)[0]
        text = np.append(text, [[_drawn(probabilities, temperature, random)]], axis=1)
    vocabulary = model.inputs["vocabulary"]
    added = "".join(vocabulary[number] for number in text[0, len(prompt) :].tolist())
    return {"prompt": [prompt], "continuation": [added]}


def _drawn(probabilities: NDArray[np.float32], temperature: float, random: np.random.Generator) -> int:
    if not temperature:
        return int(probabilities.argmax())
    with np.errstate(divide="ignore"):  # the logarithm of a probability of 0
        logits = np.log(probabilities.astype(np.float64)) / temperature
    weights = np.exp(logits - logits.max())
    return int(random.choice(len(weights), p=weights / weights.sum()))
