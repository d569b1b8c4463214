"""Finding of the diagnosis, and the limits from which on something is one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something to point out.

    Args:
        name: What it is, in the field's words.
        evidence: The numbers that show it.
        advice: Settings to try.
    """

    name: str
    evidence: str
    advice: str


@dataclass(frozen=True)
class Limits:
    """Limits from which on something is worth pointing out.

    Args:
        fall: Fraction by which the loss must have fallen in a fifth of a run: chance moves it by less.
        swing: Deviation of the loss in a fifth of a run over its median, robust to outliers; noise stays below.
        high: Loss over that of a constant prediction, from which on little has been learned.
        rise: Newest validation losses over their minimum, and over the training loss; noise stays below.
        gap: Validation loss over training loss, from which on the network has learned samples by heart.
        low: Rise of the validation loss over the loss of a constant prediction, up to which it hardly matters.
        learned: Loss over that of a constant prediction, below which there is no need of a learning rate.
        vanishing: Gradient of a layer over the largest of any: such a layer learns ten thousand times slower.
        exploding: Norm of all gradients over the loss of a constant prediction; steps this long jump about.
        dead: Fraction of a layer's units that are never above zero; half of a small layer die in healthy networks.
        moved: Change of the weights over their size after a tenth of a run, that only a tiny learning rate stays below.
        decayed: Learning rate over its maximum, below which hardly anything is learned.
        idle: Fraction of a run with such a learning rate; good schedules end there, and do not dwell.
    """

    fall: float = 0.02
    swing: float = 0.4
    high: float = 0.6
    rise: float = 1.2
    gap: float = 4.0
    low: float = 0.05
    learned: float = 0.01
    vanishing: float = 1e-4
    exploding: float = 1e3
    dead: float = 0.8
    moved: float = 1e-4
    decayed: float = 1e-3
    idle: float = 0.15
