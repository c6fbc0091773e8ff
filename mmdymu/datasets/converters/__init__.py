"""From the files that a data set is released in to a folder that ``MultiTaskDataset`` reads."""

from __future__ import annotations

from .errors import ConversionError
from .normals import normals_from_depth
from .nyuv2 import NyuV2Conversion, convert_nyuv2

__all__ = ["ConversionError", "NyuV2Conversion", "convert_nyuv2", "normals_from_depth"]
