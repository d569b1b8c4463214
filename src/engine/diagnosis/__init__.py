"""Diagnosis: the history of a run, the symptoms that may show in it, and what to try against them."""

from collections.abc import Callable

from engine.diagnosis import losses, symptoms
from engine.diagnosis.finding import Finding, Limits
from engine.diagnosis.history import JUDGED, History

__all__ = ["AT_END", "EXPLAINED_BY", "JUDGED", "SYMPTOMS", "Finding", "History", "Limits", "Symptom"]

Symptom = Callable[[History, Limits], Finding | None]
# Causes stand before their consequences.
SYMPTOMS: tuple[Symptom, ...] = (
    symptoms.weights_zero,
    symptoms.weights_alike,
    symptoms.weights_not_changing,
    symptoms.gradients_exploding,
    symptoms.units_dead,
    symptoms.gradients_vanishing,
    symptoms.rate_decayed,
    losses.loss_oscillating,
    losses.loss_not_falling,
    losses.overfitting,
)
AT_END: tuple[Symptom, ...] = (losses.underfitting, losses.validation_at_chance)  # where nothing else was found
# What is not said once one of its causes was: it would only repeat it, with advice for another case.
INITIAL = ("weights all zero", "weights all alike")
EXPLAINED_BY: dict[str, tuple[str, ...]] = {
    "dead ReLU units": INITIAL,
    "gradients vanishing": (*INITIAL, "dead ReLU units", "units saturated"),
    "units saturated": (*INITIAL, "gradients vanishing"),
    "loss not falling": (
        *INITIAL,
        *("gradients exploding", "dead ReLU units", "gradients vanishing", "units saturated"),
        *("learning rate decayed to nothing", "loss oscillating"),
    ),
    "loss oscillating": ("gradients exploding",),
}
