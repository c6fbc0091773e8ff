"""Metric of depth maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from mmdymu.registry import METRICS

from ..functional import DepthLog, Sums, depth_error_sums, depth_errors, depth_image_sums, depth_mean_errors
from .streaming_metric import StreamingMetric

__all__ = ["DepthMetric"]

Averaging = Literal["pixel", "image"]


@METRICS.register_module()
class DepthMetric(StreamingMetric):
    """Errors of depth maps over valid pixels.

    Reads ``pred_depth_map`` and ``gt_depth_map`` (metres, 0 = invalid). Results:
    :func:`~mmdymu.evaluation.functional.depth_errors`.

    Args:
        task: Name of the task; also the prefix of the results.
        averaging: ``'pixel'``: over the pixels of all images together (Vandenhende, ATRC, InvPT). ``'image'``: mean
            over images of each image's errors (the rmse of ASTMT).
        log: Logarithm of ``log_rmse``, ``'natural'`` or ``'log10'`` (AdaShare).
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.

    Raises:
        ValueError: If ``averaging`` or ``log`` is unknown.
    """

    def __init__(
        self,
        task: str = "depth",
        averaging: Averaging = "pixel",
        log: DepthLog = "natural",
        collect_device: str = "cpu",
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(task, collect_device, collect_dir)
        for name, value, allowed in (("averaging", averaging, get_args(Averaging)), ("log", log, get_args(DepthLog))):
            if value not in allowed:
                raise ValueError(f"{name}={value!r} of DepthMetric: allowed are {list(allowed)}")
        self.averaging = averaging
        self.log: DepthLog = log

    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """Sums over pixels, or over images."""
        pred, target = self.pair_of(sample, "pred_depth_map", "gt_depth_map")
        if self.averaging == "image":
            return depth_image_sums(pred, target, self.log)
        return depth_error_sums(pred, target)

    def labelled_pixels(self, sums: Sums) -> float:
        """Number of valid pixels, or of images that have one."""
        return sums["images" if self.averaging == "image" else "pixels"].item()

    def summarize(self, sums: Sums) -> dict[str, float]:
        """See :func:`~mmdymu.evaluation.functional.depth_errors`."""
        return depth_mean_errors(sums) if self.averaging == "image" else depth_errors(sums, self.log)
