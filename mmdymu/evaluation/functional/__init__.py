"""Pure functions of the metrics: sums per image that add up over images, and errors from sums."""

from __future__ import annotations

from .depth import depth_error_sums, depth_errors
from .edge_matching import match_edges
from .edge_nms import suppress_non_maxima
from .edge_protocol import EdgeProtocol
from .edge_scores import edge_scores
from .edge_thinning import label_boundaries, thin_edges
from .edges import count_edges, edge_arrays, edge_counts
from .normals import normals_angles, normals_error_sums, normals_errors
from .segmentation import class_areas, mean_iou
from .sums import Sums, add_sums

__all__ = [
    "EdgeProtocol",
    "Sums",
    "add_sums",
    "class_areas",
    "count_edges",
    "depth_error_sums",
    "depth_errors",
    "edge_arrays",
    "edge_counts",
    "edge_scores",
    "label_boundaries",
    "match_edges",
    "mean_iou",
    "normals_angles",
    "normals_error_sums",
    "normals_errors",
    "suppress_non_maxima",
    "thin_edges",
]
