"""Registered metrics, one per kind of task."""

from __future__ import annotations

from .depth_metric import DepthMetric
from .normals_metric import NormalsMetric
from .segmentation_metric import SegmentationMetric
from .streaming_metric import StreamingMetric

__all__ = ["DepthMetric", "NormalsMetric", "SegmentationMetric", "StreamingMetric"]
