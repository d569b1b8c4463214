"""Multi-layer perceptron on the columns of a table: numbers, gaps and categories."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from app.networks.columns import Columns, Impute
from app.networks.mlp import MLP


class TableMLP(MLP):
    """An MLP on standardized numbers, flags of gaps and an embedding of each category; inputs (B, columns) are raw.

    Args:
        category_sizes: Numbers of categories of each column, with unknown, number 0; 0 for a column of numbers. By
            default as the data has.
        impute: What fills gaps in numbers; by default as the data says.
        embedding: Numbers that stand for a category.
        embedding_dropout: Probability in [0, 1) of dropping one of these numbers in training.

    Raises:
        ValueError: If the columns are not given.
    """

    places: Tensor
    starts: Tensor

    def __init__(
        self,
        category_sizes: Sequence[int] | None = None,
        impute: Impute | None = None,
        embedding: int = 4,
        embedding_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if not category_sizes:
            raise ValueError("category_sizes must say of each column how many categories it has, 0 for numbers")
        categorical = [place for place, size in enumerate(category_sizes) if size]
        numbers = [place for place, size in enumerate(category_sizes) if not size]
        sizes = torch.tensor([category_sizes[place] for place in categorical], dtype=torch.long)
        columns = Columns(numbers, impute or "none")
        super().__init__(in_features=columns.width + len(categorical) * embedding, **kwargs)
        self.columns = columns
        # One table for all columns: one lookup, and the numbers of a column begin where those of the last one end.
        self.register_buffer("places", torch.tensor(categorical, dtype=torch.long), persistent=False)
        self.register_buffer("starts", sizes.cumsum(0) - sizes, persistent=False)
        self.embedding = nn.Embedding(int(sizes.sum()), embedding) if categorical else None
        if self.embedding is not None:
            with torch.no_grad():
                self.embedding.weight[self.starts] = 0  # unknown, until the training split has some of it
        self.embedding_dropout = nn.Dropout(embedding_dropout)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map raw columns (B, columns) to (B, out_features)."""
        values = self.columns(inputs)
        if self.embedding is not None:
            rows = inputs[:, self.places].long() + self.starts
            values = torch.cat([values, self.embedding_dropout(self.embedding(rows).flatten(1))], 1)
        return super().forward(values)
