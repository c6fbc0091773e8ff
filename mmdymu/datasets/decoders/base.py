"""What decoders have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np


class LabelDecoder(ABC):
    """Reads a label file of a form of its own. Its ``repr`` names all settings: caches are told apart by it.

    Attributes:
        cached: Whether results, (H, W) uint8, are kept as PNGs because decoding is slow.
        version: Raise it when the same file and settings give another result.
    """

    cached: ClassVar[bool] = False
    version: ClassVar[int] = 1

    @abstractmethod
    def __call__(self, content: bytes) -> np.ndarray:
        """Stored numbers of a file.

        Args:
            content: The bytes of the file.

        Raises:
            ValueError: The content is not what the decoder is for.
        """
