"""Pure functions of the metrics: sums per image that add up over images, errors from sums, scores of a whole run."""

from __future__ import annotations

from .depth import depth_error_sums, depth_errors
from .dominated_volume import hypervolume
from .loss_shares import uniformity
from .multi_task import DeltaAverage, multi_task_delta, multi_task_gains
from .normals import normals_angles, normals_error_sums, normals_errors
from .segmentation import class_areas, mean_iou
from .sums import Sums, add_sums

__all__ = [
    "DeltaAverage",
    "Sums",
    "add_sums",
    "class_areas",
    "depth_error_sums",
    "depth_errors",
    "hypervolume",
    "mean_iou",
    "multi_task_delta",
    "multi_task_gains",
    "normals_angles",
    "normals_error_sums",
    "normals_errors",
    "uniformity",
]
