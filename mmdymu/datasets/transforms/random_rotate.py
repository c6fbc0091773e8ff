"""Random rotation and zoom about the centre, for images with several label maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmdymu.registry import TRANSFORMS

from ..task_spec import IGNORE_LABEL


@TRANSFORMS.register_module()
class MultiTaskRandomRotate(BaseTransform):
    """Rotate and scale by one affine warp about the centre; the size stays.

    Normals turn with the image: (x, y) is rotated by the same angle, z stays. Depth is divided by the scale, as in
    :class:`MultiTaskRandomResize`. Images are interpolated (cubic), labels take the nearest pixel; pixels from outside
    get 255 (labels), 0 (depth) or (0, 0, 0) (normals), so that they do not count. ASTMT and the pipelines after it
    fill all maps with 0 there, which turns the border into background.

    Args:
        degrees: Largest angle to both sides, drawn uniformly; 0 does not rotate. Positive is counter-clockwise.
        scale_range: (lowest, highest) scale, drawn uniformly; above 1 zooms in.
        scales: Draw from these instead.
        img_value: Value of image pixels from outside, one number or BGR, 0 to 255.
        rescale_depth: Divide depth by the scale.

    Raises:
        ValueError: Angle or scales are out of range.
    """

    def __init__(
        self,
        degrees: float = 20.0,
        scale_range: tuple[float, float] = (1.0, 1.0),
        scales: Sequence[float] | None = None,
        img_value: float | Sequence[float] = 0,
        rescale_depth: bool = True,
    ) -> None:
        if not 0 <= degrees <= 180:
            raise ValueError(f"degrees={degrees!r} of MultiTaskRandomRotate must lie in [0, 180]")
        chosen = scale_range if scales is None else scales
        if not chosen or min(chosen) <= 0 or len(scale_range) != 2:
            raise ValueError(
                f"scale_range (two numbers) or scales of MultiTaskRandomRotate must be positive, got {chosen!r}"
            )
        self.degrees = degrees
        self.scale_range = (float(scale_range[0]), float(scale_range[1]))
        self.scales = None if scales is None else tuple(scales)
        self.img_value = img_value if isinstance(img_value, Sequence) else (img_value,) * 3
        self.rescale_depth = rescale_depth

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Warp image and labels by one random angle and scale."""
        angle = float(np.random.uniform(-self.degrees, self.degrees))
        scale = self._draw_scale()
        height, width = results["img"].shape[:2]
        # OpenCV puts pixel centres at whole numbers.
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
        results["img"] = _warped(results["img"], matrix, cv2.INTER_CUBIC, self.img_value)
        for task, kind in results.get("task_kinds", {}).items():
            key = f"gt_{task}"
            if key in results:
                value = (IGNORE_LABEL,) if kind == "label" else (0, 0, 0)
                warped = _warped(results[key], matrix, cv2.INTER_NEAREST, value)
                results[key] = self._turned(warped, kind, angle, scale)
        return results

    def _draw_scale(self) -> float:
        if self.scales is not None:
            return float(self.scales[np.random.randint(len(self.scales))])
        return float(np.random.uniform(*self.scale_range))

    def _turned(self, label: np.ndarray, kind: str, angle: float, scale: float) -> np.ndarray:
        if kind == "normals":
            return rotate_normals(label, angle)
        if kind == "depth" and self.rescale_depth:
            return label / np.float32(scale)
        return label

    def __repr__(self) -> str:
        """Name and arguments."""
        return (
            f"{type(self).__name__}(degrees={self.degrees}, scale_range={self.scale_range}, scales={self.scales}, "
            f"img_value={self.img_value}, rescale_depth={self.rescale_depth})"
        )


def rotate_normals(normals: np.ndarray, degrees: float) -> np.ndarray:
    """Normals of a picture that was rotated.

    Args:
        normals: (H, W, 3) float32, x right, y up, z to the camera.
        degrees: Counter-clockwise.

    Returns:
        (H, W, 3) float32.
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], np.float32)
    return cv2.transform(normals, matrix)


def _warped(array: np.ndarray, matrix: np.ndarray, interpolation: int, value: Sequence[float]) -> np.ndarray:
    height, width = array.shape[:2]
    return cv2.warpAffine(
        array, matrix, (width, height), flags=interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=tuple(value)
    )
