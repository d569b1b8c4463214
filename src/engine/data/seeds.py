"""Randomness as a function of the run's seed and the epoch: a resumed run draws what it would have drawn."""


def epoch_seed(seed: int, epoch: int, rank: int = 0) -> int:
    """Return a seed for torch; (seed 0, epoch 1) and (seed 1, epoch 0) differ, and so do processes, by their rank."""
    return (seed * 0x9E3779B97F4A7C15 + epoch + rank * 0xBF58476D1CE4E5B9) % 2**63
