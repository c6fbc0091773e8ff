"""Evaluation: pure functions in ``functional``, registered metrics in ``metrics``."""

from __future__ import annotations

from .metrics import DepthMetric, NormalsMetric, SegmentationMetric, StreamingMetric
from .task_meta import task_meta

__all__ = ["DepthMetric", "NormalsMetric", "SegmentationMetric", "StreamingMetric", "task_meta"]
