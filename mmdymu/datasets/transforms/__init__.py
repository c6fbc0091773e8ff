"""Transforms for images with several label maps; mmcv's and mmseg's do the rest.

``mmseg.Resize``, ``mmseg.RandomCrop`` and ``mmseg.PhotoMetricDistortion`` work as they are;
importing this package registers them. All random draws use the global generators of ``numpy.random``.
"""

from __future__ import annotations

import mmcv.transforms  # noqa: F401
import mmseg.datasets.transforms  # noqa: F401

from .formatting import PackMultiTaskInputs
from .ignoring import IgnoreEmptyLabels
from .load_array import LoadImageFromArray
from .loading import LoadMultiTaskAnnotations
from .padding import MultiTaskPad
from .random_crop import MultiTaskRandomCrop
from .random_flip import MultiTaskRandomFlip
from .random_resize import MultiTaskRandomResize
from .random_rotate import MultiTaskRandomRotate

__all__ = [
    "IgnoreEmptyLabels",
    "LoadImageFromArray",
    "LoadMultiTaskAnnotations",
    "MultiTaskPad",
    "MultiTaskRandomCrop",
    "MultiTaskRandomFlip",
    "MultiTaskRandomResize",
    "MultiTaskRandomRotate",
    "PackMultiTaskInputs",
]
