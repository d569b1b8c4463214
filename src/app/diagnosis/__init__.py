"""What a tutor would point out about a run: what is known of it, and the symptoms that may show in that."""

from app.diagnosis.history import History
from app.diagnosis.symptoms import SYMPTOMS, Finding, Limits, both_high

__all__ = ["SYMPTOMS", "Finding", "History", "Limits", "both_high"]
