"""Metric of surface normals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdymu.registry import METRICS

from ..functional import Sums, normals_error_sums, normals_errors
from .streaming_metric import StreamingMetric

__all__ = ["NormalsMetric"]


@METRICS.register_module()
class NormalsMetric(StreamingMetric):
    """Angles between predicted and true normals, pooled over all valid pixels.

    Reads ``pred_normals`` and ``gt_normals`` ((0, 0, 0) = invalid). Results:
    :func:`~mmdymu.evaluation.functional.normals_errors`.

    Args:
        task: Name of the task; also the prefix of the results.
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.
    """

    def __init__(self, task: str = "normals", collect_device: str = "cpu", collect_dir: str | None = None) -> None:
        super().__init__(task, collect_device, collect_dir)

    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """See :func:`~mmdymu.evaluation.functional.normals_error_sums`."""
        return normals_error_sums(*self.pair_of(sample, "pred_normals", "gt_normals"))

    def labelled_pixels(self, sums: Sums) -> float:
        """Number of valid pixels."""
        return sums["pixels"].item()

    def summarize(self, sums: Sums) -> dict[str, float]:
        """See :func:`~mmdymu.evaluation.functional.normals_errors`."""
        return normals_errors(sums)
