"""Registered metrics, one per kind of task."""

from __future__ import annotations

from .accuracy_metric import AccuracyMetric, MeanAccuracyMetric
from .depth_metric import DepthMetric
from .edges_metric import EdgesMetric
from .normals_metric import NormalsMetric
from .saliency_metric import SaliencyMetric
from .segmentation_metric import SegmentationMetric
from .streaming_metric import StreamingMetric

__all__ = [
    "AccuracyMetric",
    "DepthMetric",
    "EdgesMetric",
    "MeanAccuracyMetric",
    "NormalsMetric",
    "SaliencyMetric",
    "SegmentationMetric",
    "StreamingMetric",
]
