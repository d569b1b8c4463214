"""Characters of a text: from some in a row, which comes next?"""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from engine import DataError
from engine.data.in_memory import InMemory, Split, TensorLoader
from engine.data.paths import locate


class Chars(InMemory):
    """Windows of a text as character numbers, inputs (N, window), and the character after each, labels (N,).

    The text is cut into training, validation and test part in this order, so that no window is in two of them.

    Args:
        path: Text file in UTF-8; examples/stories.txt ships with the project.
        window: Characters that a prediction sees.
        vocabulary: All characters, in the order of their numbers; by default those of the text, sorted.
        val_size: Share of the text to validate on.
        test_size: Share of the text to test on.
        prompt: Text that predict continues; by default the beginning of the test part, a window long.
        batch_size: Windows in a batch.
        drop_last: Leave out a last training batch that is smaller.
    """

    def __init__(
        self,
        path: str = "examples/stories.txt",
        window: int = 40,
        vocabulary: str | None = None,
        val_size: float = 0.1,
        test_size: float = 0.1,
        prompt: str | None = None,
        batch_size: int = 128,
        drop_last: bool = False,
    ) -> None:
        """Store the arguments."""
        super().__init__(batch_size, drop_last)
        if window < 1 or min(val_size, test_size) <= 0 or val_size + test_size >= 1:
            raise ValueError(f"window {window}, val_size {val_size} and test_size {test_size} leave nothing to learn")
        self.path = path
        self.window = window
        self.vocabulary = vocabulary
        self.val_size = val_size
        self.test_size = test_size
        self.prompt = prompt

    @property
    def class_names(self) -> tuple[str, ...]:
        """Characters."""
        return tuple(self.vocabulary or ())

    def facts(self) -> dict[str, Any]:
        """Return the characters of the text and what to continue."""
        text = self._text()
        self.vocabulary = self.vocabulary or "".join(sorted(set(text)))
        if self.prompt is None:
            start = self._bounds("test", len(text))[0]
            self.prompt = text[start : start + self.window]
        return {"vocabulary": self.vocabulary, "vocabulary_size": len(self.vocabulary), "prompt": self.prompt}

    def build(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return all windows of a part of the text."""
        numbers = self._encode(self._text(), self.path)
        start, stop = self._bounds(split, len(numbers))
        part = numbers[start:stop]
        if len(part) <= self.window:
            raise DataError(
                f"{self.path}: the {split} part has {len(part)} characters, a window needs {self.window + 1}"
            )
        windows = part.unfold(0, self.window + 1, 1)
        return windows[:, :-1].contiguous(), windows[:, -1].contiguous()

    def setup(self, stage: str) -> None:
        """Build what a stage needs; predictions need the prompt alone."""
        if stage != "predict":
            super().setup(stage)

    def predict_dataloader(self) -> TensorLoader:
        """Return the prompt, inputs (1, characters)."""
        if not self.prompt:
            raise DataError("the prompt is empty: --data.init_args.prompt TEXT")
        return TensorLoader(TensorDataset(self._encode(self.prompt, "the prompt").unsqueeze(0)), 1)

    def _bounds(self, split: Split, size: int) -> tuple[int, int]:
        """Return where a part begins in a text of some size, and where it ends."""
        starts = {"train": 0.0, "val": 1 - self.val_size - self.test_size, "test": 1 - self.test_size}
        stops = {"train": starts["val"], "val": starts["test"], "test": 1.0}
        return round(starts[split] * size), round(stops[split] * size)

    def _text(self) -> str:
        path = locate(self.path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read as UTF-8 text: {error}") from error
        if len(set(text)) < 2:
            raise DataError(f"{path} needs at least two different characters")
        return text

    def _encode(self, text: str, name: str) -> Tensor:
        numbers = {character: number for number, character in enumerate(self.vocabulary or "")}
        for place, character in enumerate(text):
            if character not in numbers:
                raise DataError(f"{name}, character {place + 1}: {character!r} is not in the vocabulary")
        return torch.tensor([numbers[character] for character in text])
