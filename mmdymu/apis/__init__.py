"""High-level entries."""

from .control import ControlSettings, measure_control, summary

__all__ = ["ControlSettings", "measure_control", "summary"]
