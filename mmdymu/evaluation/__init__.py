"""Evaluation: pure functions in ``functional``, registered metrics in ``metrics``, and an evaluator of them all."""

from __future__ import annotations

from mmdymu.task_meta import task_meta

from .metrics import (
    AccuracyMetric,
    DepthMetric,
    EdgesMetric,
    MeanAccuracyMetric,
    NormalsMetric,
    SaliencyMetric,
    SegmentationMetric,
    StreamingMetric,
)
from .multi_task_evaluator import MultiTaskEvaluator

__all__ = [
    "AccuracyMetric",
    "DepthMetric",
    "EdgesMetric",
    "MeanAccuracyMetric",
    "MultiTaskEvaluator",
    "NormalsMetric",
    "SaliencyMetric",
    "SegmentationMetric",
    "StreamingMetric",
    "task_meta",
]
