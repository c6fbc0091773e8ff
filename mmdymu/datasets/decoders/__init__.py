"""From the bytes of a label file to stored numbers, where a file is more than an image or an array."""

from __future__ import annotations

from .base import LabelDecoder
from .borders import BordersDecoder
from .matlab import MatDecoder
from .membership import MembershipDecoder
from .pascal_parts import PART_GROUPS, PascalPartsDecoder

__all__ = [
    "PART_GROUPS",
    "BordersDecoder",
    "LabelDecoder",
    "MatDecoder",
    "MembershipDecoder",
    "PascalPartsDecoder",
]
