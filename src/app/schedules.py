"""Learning-rate schedules that PyTorch lacks."""

import math

from torch.optim import Optimizer, lr_scheduler


class WarmupCosine(lr_scheduler.LambdaLR):
    """Rises linearly to the optimizer's learning rate, then falls along half a cosine; stepped every batch.

    Args:
        optimizer: The optimizer.
        warmup: Fraction of the steps that rise, in [0, 1).
        floor: Fraction of the learning rate that is left at the end, in [0, 1].
        total_steps: Optimizer steps of the whole training; filled in.

    Raises:
        ValueError: If the fraction or the steps make no schedule.
    """

    def __init__(
        self, optimizer: Optimizer, warmup: float = 0.1, floor: float = 0.0, total_steps: int | None = None
    ) -> None:
        if not 0 <= warmup < 1 or not total_steps:
            raise ValueError(f"no schedule has warmup {warmup} and total_steps {total_steps}")
        self.rise = round(warmup * total_steps)
        self.fall = total_steps - self.rise
        self.floor = floor
        super().__init__(optimizer, self.factor)

    def factor(self, step: int) -> float:
        """Return the fraction of the learning rate after some steps: 1 after those of the warm-up."""
        if step < self.rise:
            return (step + 1) / (self.rise + 1)
        cosine = (1 + math.cos(math.pi * min(1.0, (step - self.rise) / self.fall))) / 2
        return self.floor + (1 - self.floor) * cosine
