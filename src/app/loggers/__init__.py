"""Loggers that write straight into the folder of a run, and continue there when it is resumed."""

from app.loggers.metrics_file import MetricsFile
from app.loggers.tensorboard import TensorBoard, events_kept

__all__ = ["MetricsFile", "TensorBoard", "events_kept"]
