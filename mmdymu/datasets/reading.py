"""Images and arrays as they are stored."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

_PNG = b"\x89PNG"
_PNG_BIT_DEPTH, _PNG_COLOUR_TYPE = 24, 25
_GREY_TYPE, _PALETTE_TYPE = 0, 3


def read_array(content: bytes, suffix: str) -> np.ndarray:
    """Numbers in a label file as they are stored; colour images come as RGB, (H, W, 3).

    Palette PNGs give their indices, 1-bit PNGs give 0 and 1.

    Args:
        content: The bytes of the file.
        suffix: '.npy', or that of an image format that OpenCV reads.

    Raises:
        ValueError: The content cannot be decoded.
    """
    if suffix.endswith(".npy"):
        return _read(lambda: np.load(io.BytesIO(content), allow_pickle=False))
    if _stores_indices_or_bits(content):
        return _read(lambda: np.asarray(Image.open(io.BytesIO(content))).astype(np.uint8, copy=False))
    array = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if array is None:
        raise ValueError("the content is not an image")
    if array.ndim == 3:
        return cv2.cvtColor(array, cv2.COLOR_BGR2RGB) if array.shape[2] == 3 else array
    stretch = _stretch(content)
    return array if stretch == 1 else array // stretch


def _stores_indices_or_bits(content: bytes) -> bool:
    """OpenCV would turn palette indices into colours and stretch single bits to 0 and 255."""
    if not content.startswith(_PNG) or len(content) <= _PNG_COLOUR_TYPE:
        return False
    return content[_PNG_COLOUR_TYPE] == _PALETTE_TYPE or content[_PNG_BIT_DEPTH] == 1


def _stretch(content: bytes) -> int:
    """What decoders multiply grey values of 2 and 4 bits by, to fill a byte."""
    if not content.startswith(_PNG) or content[_PNG_COLOUR_TYPE] != _GREY_TYPE:
        return 1
    return {2: 85, 4: 17}.get(content[_PNG_BIT_DEPTH], 1)


def _read(decode: Callable[[], np.ndarray]) -> np.ndarray:
    try:
        return decode()
    except (OSError, EOFError, SyntaxError) as error:
        raise ValueError(f"the content cannot be read: {error}") from error
