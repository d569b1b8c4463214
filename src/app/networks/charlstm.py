"""Recurrent network that predicts the next character."""

from torch import Tensor, nn


class CharLSTM(nn.Module):
    """Embedding, LSTM and a linear layer on the last time step.

    Args:
        vocabulary_size: Number of different characters; by default as the data has.
        embedding: Numbers that stand for a character.
        hidden: Units of each LSTM layer.
        layers: LSTM layers.
        dropout: Probability in [0, 1) of dropping a unit between LSTM layers.

    Raises:
        ValueError: If a size is missing or not positive.
    """

    def __init__(
        self,
        vocabulary_size: int | None = None,
        embedding: int = 32,
        hidden: int = 128,
        layers: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if not vocabulary_size or min(embedding, hidden, layers) < 1:
            raise ValueError(f"a CharLSTM needs sizes: vocabulary_size {vocabulary_size}, {embedding}, {hidden}")
        self.embedding = nn.Embedding(vocabulary_size, embedding)
        self.lstm = nn.LSTM(embedding, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.linear = nn.Linear(hidden, vocabulary_size)

    def forward(self, characters: Tensor) -> Tensor:
        """Map character numbers (B, T) to logits of the next character (B, vocabulary_size)."""
        states, _ = self.lstm(self.embedding(characters))
        logits: Tensor = self.linear(states[:, -1])
        return logits
