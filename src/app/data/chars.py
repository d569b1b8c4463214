"""Characters of a text: from some in a row, which comes next?"""

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from engine import DataError
from engine.data import InMemory, Split, encode, locate, read_text


class Chars(InMemory):
    """Windows of a text as character numbers, inputs (N, window), and the character after each, labels (N,).

    The text is cut into training, validation and test part in this order, so that no window is in two of them.

    Args:
        path: Text file; examples/stories.txt ships with the project.
        window: Characters that a prediction sees.
        vocabulary: All characters, in the order of their numbers; by default those of the text, sorted.
        val_size: Fraction of the text to validate on.
        test_size: Fraction of the text to test on.
        prompt: Text that predict continues; by default the beginning of the test part, a window long.
        encoding: How characters are written in the file: utf-8, gb18030 (Chinese Windows), cp1252, ...
        batch_size: Windows in a training batch.
    """

    facts = (*InMemory.facts, "vocabulary", "vocabulary_size", "prompt")

    def __init__(
        self,
        path: str = "examples/stories.txt",
        window: int = 40,
        vocabulary: str | None = None,
        val_size: float = 0.1,
        test_size: float = 0.1,
        prompt: str | None = None,
        encoding: str = "utf-8",
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size, **kwargs)
        if window < 1 or min(val_size, test_size) <= 0 or val_size + test_size >= 1:
            raise ValueError(f"window {window}, val_size {val_size} and test_size {test_size} leave nothing to learn")
        self.path = path
        self.window = window
        self.val_size = val_size
        self.test_size = test_size
        self.encoding = encoding
        self._asked = (vocabulary, prompt)

    @cached_property
    def text(self) -> str:
        """The text, read when it is first asked for."""
        path = locate(self.path, beside=Path(__file__).parent)
        text = read_text(path, self.encoding)
        if len(set(text)) < 2:
            raise DataError(f"{path} needs at least two different characters")
        return text

    @cached_property
    def vocabulary(self) -> str:
        """All characters, in the order of their numbers."""
        return self._asked[0] or "".join(sorted(set(self.text)))

    @property
    def vocabulary_size(self) -> int:
        """Number of different characters."""
        return len(self.vocabulary)

    @cached_property
    def prompt(self) -> str:
        """Text that predict continues."""
        if self._asked[1] is not None:
            return self._asked[1]
        start, _ = self._bounds("test")
        return self.text[start : start + self.window]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Characters."""
        return tuple(self.vocabulary)

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return all windows of a part of the text."""
        start, stop = self._bounds(split)
        part = self._encode(self.text, self.path)[start:stop]
        if len(part) <= self.window:
            few = f"the {split} part has {len(part)} characters, a window needs {self.window + 1}"
            raise DataError(f"{self.path}: {few}")
        windows = part.unfold(0, self.window + 1, 1)
        return windows[:, :-1].contiguous(), windows[:, -1].contiguous()

    def predicted(self) -> TensorDataset:
        """Return the prompt, inputs (1, characters)."""
        if not self.prompt:
            raise DataError("the prompt is empty: --data.prompt TEXT")
        return TensorDataset(self._encode(self.prompt, "the prompt").unsqueeze(0))

    def _bounds(self, split: Split) -> tuple[int, int]:
        val, test = 1 - self.val_size - self.test_size, 1 - self.test_size
        start, stop = {"train": (0.0, val), "val": (val, test), "test": (test, 1.0)}[split]
        return round(start * len(self.text)), round(stop * len(self.text))

    def _encode(self, text: str, name: str) -> Tensor:
        return torch.from_numpy(encode(text, self.vocabulary, name))
