"""The dashboard: callbacks that write figures, texts and numbers to TensorBoard and to the run's folder."""

from typing import TYPE_CHECKING

from engine.lazy import names

if TYPE_CHECKING:
    from engine.dashboard.batches import FirstBatchPanel, SamplePanel
    from engine.dashboard.metrics_history import Curve, history
    from engine.dashboard.observe import SampleBuffer, evaluating, outputs_of
    from engine.dashboard.panel import Panel
    from engine.dashboard.pictures import feature_maps, images, pixels

__all__ = [
    "Curve",
    "FirstBatchPanel",
    "Panel",
    "SampleBuffer",
    "SamplePanel",
    "evaluating",
    "feature_maps",
    "history",
    "images",
    "outputs_of",
    "pixels",
]

__getattr__ = names(
    __name__,
    {
        **dict.fromkeys(("Curve", "history"), "metrics_history"),
        **dict.fromkeys(("SampleBuffer", "evaluating", "outputs_of"), "observe"),
        **dict.fromkeys(("FirstBatchPanel", "SamplePanel"), "batches"),
        "Panel": "panel",
        **dict.fromkeys(("feature_maps", "images", "pixels"), "pictures"),
    },
)
