"""Figures as pure functions: arrays in, a matplotlib Figure out. Nothing here knows of tasks, runs or TensorBoard."""

from app.plots.classification import boundary, confusion, regions, roc
from app.plots.images import feature_maps, images
from app.plots.regression import curve, residuals, scatter
from app.plots.style import pixels

__all__ = [
    "boundary",
    "confusion",
    "curve",
    "feature_maps",
    "images",
    "pixels",
    "regions",
    "residuals",
    "roc",
    "scatter",
]
