"""Characters as numbers: their places in a vocabulary."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError


def encode(text: str, vocabulary: str, name: str) -> NDArray[np.int64]:
    """Return the numbers of the characters of a text (N,).

    Args:
        text: Any text.
        vocabulary: All characters, in the order of their numbers.
        name: What an error calls the text.

    Raises:
        DataError: If a character is not in the vocabulary.
    """
    numbers = {character: number for number, character in enumerate(vocabulary)}
    try:
        return np.array([numbers[character] for character in text], dtype=np.int64)
    except KeyError as error:
        known = "".join(c if c.isprintable() else repr(c)[1:-1] for c in vocabulary)
        place = f"{name}, character {text.index(error.args[0]) + 1}: {error.args[0]!r}"
        raise DataError(f"{place} is not in the vocabulary, which is\n{known}") from error
