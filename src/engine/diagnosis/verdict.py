"""Verdict on a run in which nothing was found: healthy, or why that cannot be said."""

from engine.diagnosis.finding import Limits
from engine.diagnosis.history import JUDGED, MIN_STEPS, History

NOT_WATCHED = "not watched"
HEALTHY = "healthy, nothing to point out"


def verdict(history: History, limits: Limits, steps: int, seen: bool = False) -> str:
    """Return what can be said of a run of some steps in which nothing was found.

    Args:
        history: Of the run.
        limits: Of the symptoms.
        steps: Number of training steps.
        seen: Whether a loss was seen since the last block of the history.
    """
    train = history.recent_loss()
    if train is None and not seen and steps >= MIN_STEPS:
        return f"{NOT_WATCHED}: the training step returned no loss"
    if train is None or len(history.losses) < JUDGED:
        return f"too short to judge: {steps} steps, {JUDGED * MIN_STEPS} are needed"
    losses = f"training loss {train:.3g}"
    if history.validations:
        losses += f", validation loss {history.validations[-1][2]:.3g}"
    if history.baseline is not None:
        return f"{HEALTHY}: {losses}; always predicting the same would score {history.baseline:.3g}"
    if train > limits.high * history.losses[0]:
        return f"not judged: {losses}, {history.losses[0]:.3g} at the start; how low it can get is not known"
    return f"{HEALTHY}: {losses}, {history.losses[0]:.3g} at the start"
