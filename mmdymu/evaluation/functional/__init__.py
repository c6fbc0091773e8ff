"""Pure functions of the metrics: sums per image that add up over images, and errors from sums."""

from __future__ import annotations

from .depth import depth_error_sums, depth_errors
from .normals import normals_angles, normals_error_sums, normals_errors
from .segmentation import class_areas, mean_iou
from .sums import Sums, add_sums

__all__ = [
    "Sums",
    "add_sums",
    "class_areas",
    "depth_error_sums",
    "depth_errors",
    "mean_iou",
    "normals_angles",
    "normals_error_sums",
    "normals_errors",
]
