"""What the dashboard shows in TensorBoard and keeps under figures/: one class a subject, drawn when it is due."""

from app.panels.base import Board, Panel
from app.panels.classification import Boundary, Confusion, Curves, Misclassified
from app.panels.histograms import Histograms
from app.panels.inputs import InputBatch
from app.panels.language import Continuation
from app.panels.network import FeatureMaps, Graph
from app.panels.records import HParams, Settings
from app.panels.regression import Fit
from app.panels.scalars import Scalars

__all__ = [
    "Board",
    "Boundary",
    "Confusion",
    "Continuation",
    "Curves",
    "FeatureMaps",
    "Fit",
    "Graph",
    "HParams",
    "Histograms",
    "InputBatch",
    "Misclassified",
    "Panel",
    "Scalars",
    "Settings",
]
