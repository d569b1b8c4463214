"""Learning-rate schedules that PyTorch lacks."""

import math

from torch.optim import Optimizer, lr_scheduler


class WarmupCosine(lr_scheduler.LambdaLR):
    """Rises linearly to the optimizer's learning rate, then falls along half a cosine; stepped every batch.

    Args:
        optimizer: The optimizer.
        warmup: Share of the steps that rise, in [0, 1).
        floor: Share of the learning rate that is left at the end, in [0, 1].
        total_steps: Optimizer steps of the whole training; filled in.

    Raises:
        ValueError: If the share or the steps make no schedule.
    """

    def __init__(
        self, optimizer: Optimizer, warmup: float = 0.1, floor: float = 0.0, total_steps: int | None = None
    ) -> None:
        """Store the shape."""
        if not 0 <= warmup < 1 or not total_steps:
            raise ValueError(f"no schedule has warmup {warmup} and total_steps {total_steps}")
        self.rise = round(warmup * total_steps)
        self.fall = total_steps - self.rise
        self.floor = floor
        super().__init__(optimizer, self.factor)

    def factor(self, step: int) -> float:
        """Return the share of the learning rate at a step, in (0, 1]."""
        if step < self.rise:
            return (step + 1) / (self.rise + 1)
        cosine = (1 + math.cos(math.pi * min(1.0, (step - self.rise) / self.fall))) / 2
        return self.floor + (1 - self.floor) * cosine


class CosineAnnealingLR(lr_scheduler.CosineAnnealingLR):
    """That of PyTorch over the whole training: half a cosine down to eta_min; stepped every epoch.

    Args:
        optimizer: The optimizer.
        T_max: Epochs until the learning rate is eta_min; filled in.
        eta_min: Learning rate at the end.

    Raises:
        ValueError: If there is no epoch.
    """

    def __init__(self, optimizer: Optimizer, T_max: int | None = None, eta_min: float = 0.0) -> None:
        """Store the shape."""
        if not T_max or T_max < 1:
            raise ValueError(f"no schedule has T_max {T_max}")
        super().__init__(optimizer, T_max, eta_min)


class PolynomialLR(lr_scheduler.PolynomialLR):
    """That of PyTorch over the whole training: down to zero as a power of the epochs left; stepped every epoch.

    Args:
        optimizer: The optimizer.
        total_iters: Epochs until the learning rate is zero; filled in.
        power: The power, 1 for a line.

    Raises:
        ValueError: If there is no epoch.
    """

    def __init__(self, optimizer: Optimizer, total_iters: int | None = None, power: float = 1.0) -> None:
        """Store the shape."""
        if not total_iters or total_iters < 1:
            raise ValueError(f"no schedule has total_iters {total_iters}")
        super().__init__(optimizer, total_iters, power)
