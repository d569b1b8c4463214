"""What a tutor would point out about a run: what is known of it, and the symptoms that may show in that."""

from engine.diagnosis.history import History
from engine.diagnosis.symptoms import SYMPTOMS, Finding, Limits, Symptom, both_high, overfitting

__all__ = ["SYMPTOMS", "Finding", "History", "Limits", "Symptom", "both_high", "overfitting"]
