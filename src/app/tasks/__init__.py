"""LightningModules, named for the problem that they solve."""

from app.tasks.classification import Classification
from app.tasks.language import NextCharacter
from app.tasks.minimization import Minimization
from app.tasks.multilabel import MultiLabel
from app.tasks.regression import Regression

__all__ = ["Classification", "Minimization", "MultiLabel", "NextCharacter", "Regression"]
