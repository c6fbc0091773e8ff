"""One slanted plane, rendered by hand: exact depth and normals for any focal length and part of the image."""

from __future__ import annotations

from typing import Any

import numpy as np

NORMAL = np.array([0.3, 0.5, 0.8]) / np.linalg.norm([0.3, 0.5, 0.8])
DISTANCE = 3.0


def plane_depth(focal: float, height: int, width: int, normal: np.ndarray = NORMAL) -> np.ndarray:
    """Depth of the plane n·p = -DISTANCE in the camera frame (x right, y up, z to the camera), (H, W) m."""
    return -DISTANCE / (_rays(focal, height, width) @ normal)


def _rays(focal: float, height: int, width: int) -> np.ndarray:
    """Directions with z = -1 through the pixel centres, (H, W, 3)."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.stack([(columns - width / 2) / focal, (height / 2 - rows) / focal, -np.ones_like(rows)], axis=2)


def plane_results(focal: float = 40.0, height: int = 32, width: int = 48) -> dict[str, Any]:
    """What a pipeline carries after loading: the plane, its labels and an image that counts columns."""
    columns = np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None], (height, width, 3))
    return {
        "img": columns.copy(),
        "img_shape": (height, width),
        "ori_shape": (height, width),
        "gt_depth": plane_depth(focal, height, width).astype(np.float32),
        "gt_normals": np.broadcast_to(NORMAL, (height, width, 3)).astype(np.float32),
        "gt_semseg": columns[..., 0].copy(),
        "task_kinds": {"depth": "depth", "normals": "normals", "semseg": "label"},
        "seg_fields": ["gt_depth", "gt_normals", "gt_semseg"],
    }


def fitted_normal(depth: np.ndarray, focal: float) -> np.ndarray:
    """Unit normal of the plane through back-projected depth, towards the camera, by least squares."""
    flat = (_rays(focal, *depth.shape) * depth[..., None]).reshape(-1, 3).astype(float)
    normal = np.linalg.svd(flat - flat.mean(0), full_matrices=False)[2][2]
    return normal if normal[2] > 0 else -normal
