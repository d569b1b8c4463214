"""Randomness as a function of the run's seed and the epoch: a resumed run draws what it would have drawn."""


def epoch_seed(seed: int, epoch: int) -> int:
    """Return a seed for torch; (seed 0, epoch 1) and (seed 1, epoch 0) differ."""
    return (seed * 0x9E3779B97F4A7C15 + epoch) % 2**63
