"""Borders of class maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from skimage.morphology import thin

from mmdymu.registry import LABEL_DECODERS

from .base import LabelDecoder
from .matlab import read_mat


@LABEL_DECODERS.register_module()
@dataclass(frozen=True)
class BordersDecoder(LabelDecoder):
    """Thinned borders of a class map in a ``.mat`` file, as the edges of PASCAL-Context are defined (ASTMT, 2019).

    Args:
        key: Name of the variable.
        width: Pixels across a border; 1 is the thinned border itself.

    Raises:
        ValueError: If the width is not a positive integer.
    """

    key: str
    width: int = 1
    cached: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks the width."""
        if not isinstance(self.width, int) or self.width < 1:
            raise ValueError(f"width={self.width!r} of BordersDecoder must be a positive integer")

    def __call__(self, content: bytes) -> np.ndarray:
        """(H, W) uint8, 1 on borders, else 0."""
        return borders(np.asarray(read_mat(content, self.key)), self.width)


def borders(classes: np.ndarray, width: int = 1) -> np.ndarray:
    """Where neighbouring classes differ.

    Args:
        classes: (H, W) integers below 2^22.
        width: Pixels across a border.

    Returns:
        (H, W) uint8: 1 where the thinned non-zero set of the 4-neighbour Laplacian lies, widened to ``width``.
    """
    # The frame is no border: it continues outwards. 32-bit floats hold these integers exactly.
    laplacian = cv2.Laplacian(classes.astype(np.float32), cv2.CV_32F, ksize=1, borderType=cv2.BORDER_REPLICATE)
    thinned = thin(laplacian != 0).astype(np.uint8)
    if width == 1:
        return thinned
    return cv2.dilate(thinned, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
