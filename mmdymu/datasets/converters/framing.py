"""Which part of a frame is kept, and at what size."""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np

from .errors import ConversionError

# The 425x560 frames of the NYUDv2 releases: without the border where the depth camera sees nothing.
NAMED_CROPS = {"none": None, "nyud": (45, 470, 40, 600)}


@dataclass(frozen=True)
class Framing:
    """A crop and then a change of size.

    Attributes:
        crop: First row, row after the last, first column, column after the last; None keeps the whole frame.
        size: (H, W) afterwards; None keeps the size.
    """

    crop: tuple[int, int, int, int] | None = None
    size: tuple[int, int] | None = None

    @classmethod
    def parse(cls, crop: str = "none", size: str | None = None) -> Framing:
        """Read the options of the command line.

        Args:
            crop: 'none', 'nyud' or 'r0:r1,c0:c1', counted from 0, ends excluded.
            size: 'HxW', or None.

        Raises:
            ConversionError: The text is none of these.
        """
        return cls(_crop(crop), None if size is None else _size(size))

    def check(self, shape: tuple[int, int]) -> None:
        """Refuse a crop that leaves the frame.

        Args:
            shape: (H, W) of the frame.

        Raises:
            ConversionError: It does.
        """
        if self.crop is not None and (self.crop[1] > shape[0] or self.crop[3] > shape[1]):
            top, bottom, left, right = self.crop
            raise ConversionError(
                f"crop {top}:{bottom},{left}:{right} leaves the frames, which have {shape[0]} rows and "
                f"{shape[1]} columns; give --crop none or rows and columns inside"
            )

    def sources(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The nearest pixels of the frame: (H,) rows and (W,) columns.

        Args:
            shape: (H, W) of the frame.
        """
        top, bottom, left, right = self._limits(shape)
        height, width = self.size or (bottom - top, right - left)
        return top + _nearest(bottom - top, height), left + _nearest(right - left, width)

    def image(self, image: np.ndarray) -> np.ndarray:
        """Crop and resize colours: by area where they shrink, else bilinear.

        Args:
            image: (H, W, 3) uint8.
        """
        top, bottom, left, right = self._limits(image.shape[:2])
        cropped = np.ascontiguousarray(image[top:bottom, left:right])
        if self.size is None:
            return cropped
        shrinks = self.size[0] <= cropped.shape[0] and self.size[1] <= cropped.shape[1]
        return cv2.resize(cropped, self.size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def _limits(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        return self.crop or (0, shape[0], 0, shape[1])


WHOLE_FRAME = Framing()


def _nearest(old: int, new: int) -> np.ndarray:
    """For each new pixel the old one in which its centre lies."""
    return (2 * np.arange(new) + 1) * old // (2 * new)


def _crop(text: str) -> tuple[int, int, int, int] | None:
    if text in NAMED_CROPS:
        return NAMED_CROPS[text]
    match = re.fullmatch(r"(\d+):(\d+),(\d+):(\d+)", text)
    top, bottom, left, right = map(int, match.groups()) if match else (0, 0, 0, 0)
    if top >= bottom or left >= right:
        raise ConversionError(
            f"crop {text!r} is not allowed; give none, nyud, or rows and columns as 45:470,40:600 (ends excluded)"
        )
    return top, bottom, left, right


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise ConversionError(f"size {text!r} is not allowed; give height x width as 240x320")
    return int(match[1]), int(match[2])
