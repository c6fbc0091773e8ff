"""Pictures of single maps: numpy in, RGB out. Pixels without a label are black."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["depth_panel", "depth_range", "grey_panel", "label_panel", "normals_panel"]

IGNORE = 255


def label_panel(label: np.ndarray, palette: np.ndarray, image: np.ndarray, alpha: float = 0.6) -> np.ndarray:
    """Class colours over the image.

    Args:
        label: (H, W) integers, 255 or any class without a colour = no label.
        palette: (K, 3) uint8, RGB.
        image: (H, W, 3) uint8, RGB.
        alpha: Share of the colour in [0, 1].

    Returns:
        (H, W, 3) uint8, RGB.
    """
    known = (label >= 0) & (label < len(palette))
    colours = palette[np.where(known, label, 0)] * known[..., None]
    return np.round(image * (1 - alpha) + colours * alpha).astype(np.uint8)


def depth_range(depth: np.ndarray) -> tuple[float, float]:
    """Nearest and farthest depth without the outer 1 %; (0, 1) without a valid pixel.

    Args:
        depth: Any shape, metres, 0 = invalid.
    """
    valid = depth[np.isfinite(depth) & (depth > 0)]
    if not valid.size:
        return 0.0, 1.0
    low, high = np.percentile(valid, [1, 99])
    return float(low), float(max(high, low + 1e-3))


def depth_panel(depth: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Near is blue, far is red.

    Args:
        depth: (H, W), metres, 0 = invalid.
        limits: Metres of the two ends of the colour map.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    valid = np.isfinite(depth) & (depth > 0)
    share = (np.where(valid, depth, limits[0]) - limits[0]) / (limits[1] - limits[0])
    levels = np.round(share.clip(0, 1) * 255).astype(np.uint8)
    return cv2.applyColorMap(levels, cv2.COLORMAP_TURBO)[..., ::-1] * valid[..., None].astype(np.uint8)


def normals_panel(normals: np.ndarray) -> np.ndarray:
    """The usual colours: (n + 1) / 2, so that a wall that faces the camera is light blue.

    Args:
        normals: (3, H, W), unit vectors, (0, 0, 0) = invalid.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    valid = (normals != 0).any(axis=0)
    colours = np.round((normals.clip(-1, 1) + 1) * 127.5) * valid
    return np.ascontiguousarray(colours.transpose(1, 2, 0)).astype(np.uint8)


def grey_panel(values: np.ndarray) -> np.ndarray:
    """Probabilities or 0/1 labels as grey.

    Args:
        values: (H, W), in [0, 1]; 255 = no label, drawn in dark red to tell it from 0.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    ignored = values == IGNORE
    grey = np.round(np.where(ignored, 0, values).clip(0, 1) * 255).astype(np.uint8)
    panel = np.repeat(grey[..., None], 3, axis=2)
    panel[ignored] = (90, 0, 0)
    return panel
