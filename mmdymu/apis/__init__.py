"""High-level entries."""

from .control import ControlSettings, measure_control, summary
from .network_metrics import network_metrics

__all__ = ["ControlSettings", "measure_control", "network_metrics", "summary"]
