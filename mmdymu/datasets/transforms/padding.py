"""Padding with each task's own "no label" value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmdymu.registry import TRANSFORMS

from ..task_spec import IGNORE_LABEL


@TRANSFORMS.register_module()
class MultiTaskPad(BaseTransform):
    """Pad images that are smaller than ``size``; labels get 255, depth 0 and normals (0, 0, 0).

    Args:
        size: (height, width) that the result has at least.
        img_value: Value of the new image pixels, one number or BGR, 0 to 255.
        centre: Pad on all sides instead of right and below.
        as_original: Let the padded frame count as the original: ``ori_shape`` becomes its size, so that
            predictions are compared at that size. For tests on padded frames with labels loaded before.
    """

    def __init__(
        self,
        size: tuple[int, int],
        img_value: float | Sequence[float] = 0,
        centre: bool = True,
        as_original: bool = False,
    ) -> None:
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size={size!r} of MultiTaskPad must be (height, width), both positive")
        self.size = tuple(size)
        self.img_value = img_value if isinstance(img_value, Sequence) else (img_value,) * 3
        self.centre = centre
        self.as_original = as_original

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pad image and labels; ``padding`` tells the new columns left and right, the new rows above and below."""
        borders = self._borders(*results["img"].shape[:2])
        results["img"] = _pad(results["img"], borders, self.img_value)
        for task, kind in results.get("task_kinds", {}).items():
            if f"gt_{task}" in results:
                value = (IGNORE_LABEL,) if kind == "label" else (0, 0, 0)
                results[f"gt_{task}"] = _pad(results[f"gt_{task}"], borders, value)
        results["img_shape"] = results["pad_shape"] = results["img"].shape[:2]
        above, below, left, right = borders
        results["padding"] = (left, right, above, below)
        if self.as_original:
            results["ori_shape"] = results["img_shape"]
        return results

    def _borders(self, height: int, width: int) -> tuple[int, int, int, int]:
        """New rows above and below, new columns left and right."""
        rows, columns = max(self.size[0] - height, 0), max(self.size[1] - width, 0)
        top, left = (rows // 2, columns // 2) if self.centre else (0, 0)
        return top, rows - top, left, columns - left

    def __repr__(self) -> str:
        """Name and arguments."""
        return (
            f"{type(self).__name__}(size={self.size}, img_value={self.img_value}, centre={self.centre}, "
            f"as_original={self.as_original})"
        )


def _pad(array: np.ndarray, borders: tuple[int, int, int, int], value: Sequence[float]) -> np.ndarray:
    return cv2.copyMakeBorder(array, *borders, cv2.BORDER_CONSTANT, value=tuple(value)) if any(borders) else array
