"""Evaluation: pure functions in ``functional``, registered metrics in ``metrics``."""

from __future__ import annotations

from .metrics import (
    AccuracyMetric,
    DepthMetric,
    EdgesMetric,
    MeanAccuracyMetric,
    NormalsMetric,
    SegmentationMetric,
    StreamingMetric,
)
from .task_meta import task_meta

__all__ = [
    "AccuracyMetric",
    "DepthMetric",
    "EdgesMetric",
    "MeanAccuracyMetric",
    "NormalsMetric",
    "SegmentationMetric",
    "StreamingMetric",
    "task_meta",
]
