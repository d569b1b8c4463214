"""Summary of a metric over seeds: mean and sd, and the sampling error of an accuracy."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Mean and spread of a metric over seeds; sd is the sample standard deviation (n - 1), None of one value."""

    mean: float
    sd: float | None
    n: int
    min: float
    max: float

    def __str__(self) -> str:
        """Return mean ± sd (n), the sd with two digits and the mean with as many places."""
        if not self.sd:
            return f"{self.mean:.5g}{'' if self.sd is None else ' ± 0'} ({self.n})"
        places = 1 - math.floor(math.log10(self.sd))
        if abs(self.mean) >= 1e6 or places > 8:
            return f"{self.mean:.5g} ± {self.sd:.2g} ({self.n})"
        places = max(0, places)
        return f"{self.mean:.{places}f} ± {self.sd:.{places}f} ({self.n})"


def summary(values: Sequence[float]) -> Summary:
    """Return mean, sd, number, least and greatest of some values."""
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Summary(statistics.fmean(values), sd, len(values), min(values), max(values))


def binomial_error(accuracy: float, samples: int) -> float:
    """Return the standard error of an accuracy that comes from the choice of the test samples."""
    return math.sqrt(max(0.0, accuracy * (1 - accuracy)) / samples)
