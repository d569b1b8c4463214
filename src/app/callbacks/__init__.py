"""What watches a run without taking part in it."""

from app.callbacks.checkpoint import BestAndLast
from app.callbacks.dashboard import Dashboard
from app.callbacks.diagnosis import Diagnosis
from app.callbacks.divergence import StopOnDivergence
from app.callbacks.findings import Boundary, Coefficients, LossRatio
from app.callbacks.lean import LeanLoop
from app.callbacks.learning_rate import LearningRate
from app.callbacks.predictions import PredictionsFile
from app.callbacks.progress import Progress
from app.callbacks.summary import Summary

__all__ = [
    "BestAndLast",
    "Boundary",
    "Coefficients",
    "Dashboard",
    "Diagnosis",
    "LeanLoop",
    "LearningRate",
    "LossRatio",
    "PredictionsFile",
    "Progress",
    "StopOnDivergence",
    "Summary",
]
