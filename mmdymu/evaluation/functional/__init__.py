"""Pure functions of the metrics: sums per image that add up over images, errors from sums, scores of a whole run."""

from __future__ import annotations

from .depth import DepthLog, depth_error_sums, depth_errors, depth_image_sums, depth_mean_errors
from .dominated_volume import hypervolume
from .edge_matching import match_edges
from .edge_nms import suppress_non_maxima
from .edge_protocol import EdgeProtocol
from .edge_scores import edge_scores
from .edge_thinning import label_boundaries, thin_edges
from .edges import count_edges, edge_arrays, edge_counts
from .loss_shares import uniformity
from .multi_task import DeltaAverage, multi_task_delta, multi_task_gains
from .normals import normals_angles, normals_error_sums, normals_errors
from .saliency import (
    SALIENCY_F_THRESHOLDS,
    SALIENCY_IOU_THRESHOLDS,
    quantize_probability,
    saliency_counts,
    saliency_image_sums,
    saliency_max_f,
    saliency_max_image_f,
    saliency_max_iou,
)
from .segmentation import AbsentClasses, class_areas, mean_iou
from .sums import Sums, add_sums

__all__ = [
    "SALIENCY_F_THRESHOLDS",
    "SALIENCY_IOU_THRESHOLDS",
    "AbsentClasses",
    "DeltaAverage",
    "DepthLog",
    "EdgeProtocol",
    "Sums",
    "add_sums",
    "class_areas",
    "count_edges",
    "depth_error_sums",
    "depth_errors",
    "depth_image_sums",
    "depth_mean_errors",
    "edge_arrays",
    "edge_counts",
    "edge_scores",
    "hypervolume",
    "label_boundaries",
    "match_edges",
    "mean_iou",
    "multi_task_delta",
    "multi_task_gains",
    "normals_angles",
    "normals_error_sums",
    "normals_errors",
    "quantize_probability",
    "saliency_counts",
    "saliency_image_sums",
    "saliency_max_f",
    "saliency_max_image_f",
    "saliency_max_iou",
    "suppress_non_maxima",
    "thin_edges",
    "uniformity",
]
