"""Transforms for images with several label maps; mmcv's and mmseg's do the rest.

``mmseg.Resize`` and ``mmseg.RandomCrop`` work as they are, and so does ``mmseg.PhotoMetricDistortion``;
importing this package registers them. All random draws use the global generators of ``numpy.random``.
"""

from __future__ import annotations

import mmcv.transforms  # noqa: F401
import mmseg.datasets.transforms  # noqa: F401

from .formatting import PackMultiTaskInputs
from .ignoring import IgnoreEmptyLabels
from .loading import LoadMultiTaskAnnotations
from .padding import MultiTaskPad
from .random_flip import MultiTaskRandomFlip
from .random_resize import MultiTaskRandomResize

__all__ = [
    "IgnoreEmptyLabels",
    "LoadMultiTaskAnnotations",
    "MultiTaskPad",
    "MultiTaskRandomFlip",
    "MultiTaskRandomResize",
    "PackMultiTaskInputs",
]
