"""Masks of chosen classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmdymu.registry import LABEL_DECODERS

from .base import LabelDecoder
from .matlab import read_mat


@LABEL_DECODERS.register_module()
@dataclass(frozen=True)
class MembershipDecoder(LabelDecoder):
    """1 where a class map in a ``.mat`` file has one of the given ids, else 0.

    Args:
        key: Name of the variable.
        ids: Class ids.
    """

    key: str
    ids: tuple[int, ...]
    cached: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Takes lists, as configs hold them."""
        object.__setattr__(self, "ids", tuple(self.ids))

    def __call__(self, content: bytes) -> np.ndarray:
        """(H, W) uint8, 0 or 1."""
        return np.isin(read_mat(content, self.key), self.ids).astype(np.uint8)
