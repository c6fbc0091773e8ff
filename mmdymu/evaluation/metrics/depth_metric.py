"""Metric of depth maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdymu.registry import METRICS

from ..functional import Sums, depth_error_sums, depth_errors
from .streaming_metric import StreamingMetric

__all__ = ["DepthMetric"]


@METRICS.register_module()
class DepthMetric(StreamingMetric):
    """Errors of depth maps, pooled over all valid pixels.

    Reads ``pred_depth_map`` and ``gt_depth_map`` (metres, 0 = invalid). Results:
    :func:`~mmdymu.evaluation.functional.depth_errors`.

    Args:
        task: Name of the task; also the prefix of the results.
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.
    """

    def __init__(self, task: str = "depth", collect_device: str = "cpu", collect_dir: str | None = None) -> None:
        super().__init__(task, collect_device, collect_dir)

    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """See :func:`~mmdymu.evaluation.functional.depth_error_sums`."""
        return depth_error_sums(*self.pair_of(sample, "pred_depth_map", "gt_depth_map"))

    def labelled_pixels(self, sums: Sums) -> float:
        """Number of valid pixels."""
        return sums["pixels"].item()

    def summarize(self, sums: Sums) -> dict[str, float]:
        """See :func:`~mmdymu.evaluation.functional.depth_errors`."""
        return depth_errors(sums)
