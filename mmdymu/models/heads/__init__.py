"""Heads of the dense tasks, on top of any mmseg decode head; losses and predictions of all heads."""

from __future__ import annotations

from .binary_heads import BinaryHead, EdgesHead, SaliencyHead
from .classes import attach_classes, class_loss
from .dense_head import DenseHead
from .depth_head import DepthHead
from .normals_head import NormalsHead
from .predictions import attach_predictions, attach_segmentation, head_loss

__all__ = [
    "BinaryHead",
    "DenseHead",
    "DepthHead",
    "EdgesHead",
    "NormalsHead",
    "SaliencyHead",
    "attach_classes",
    "attach_predictions",
    "attach_segmentation",
    "class_loss",
    "head_loss",
]
