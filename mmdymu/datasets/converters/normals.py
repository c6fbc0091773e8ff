"""Surface normals from depth maps.

On a plane, the inverse depth is an affine function of the pixel's ray, so that a normal is a linear fit. Depth
cameras that measure disparity have the same error in inverse depth at every distance, which makes least squares
on it the right fit, too. Neighbours across a depth discontinuity get no weight: at first those are left out whose
inverse depth no surface in view could have, then the others are weighted by how well they agree with the plane
fitted before (reweighted least squares, Cauchy weights).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

# Tangent of the largest angle between the normal and the line of sight that a fit follows: 80 degrees. What
# changes faster from pixel to pixel is the rim of an object.
MAX_SLANT = 5.67
# Error of inverse depths, 1/m: one disparity step of the Kinect.
NOISE = 0.003
# Fits after the first; a second changed the mean error on made scenes by less than a hundredth.
ROUNDS = 1
# A fit needs neighbours in two directions: ratio of the spread's determinant to its squared trace (at most 1/4).
MIN_SPREAD = 0.005
# Rows that are worked on at once: temporary arrays stay in the processor's cache.
BAND = 32


class _Planes(NamedTuple):
    """For each pixel: inverse depth minus the pixel's own = level + along_x·Δx + along_y·Δy, and whether it fits."""

    level: np.ndarray
    along_x: np.ndarray
    along_y: np.ndarray
    known: np.ndarray

    def rows(self, rows: slice) -> _Planes:
        return _Planes(*(values[rows] for values in self))


def normals_from_depth(depth: np.ndarray, x: np.ndarray, y: np.ndarray, window: int = 11) -> np.ndarray:
    """Normals of planes fitted to the depth around each pixel.

    At the border of the map the part of the window that lies inside is used.

    Args:
        depth: (H, W) metres along the optical axis; 0, negative or not finite = invalid.
        x: (W,) where the rays of the columns meet the plane one metre ahead, to the right.
        y: (H,) the same for the rows, down.
        window: Rows and columns that a plane is fitted to, odd. More of them average more noise and round off
            more detail.

    Returns:
        (H, W, 3) float32 unit vectors, x right, y up, z to the camera; (0, 0, 0) where a depth in the window is
        invalid or no plane is determined.

    Raises:
        ValueError: The window is not an odd number from 3.
    """
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window={window} of the normals must be an odd number of pixels, 3 or more")
    valid = np.isfinite(depth) & (depth > 0)
    inverse = np.float32(1) / np.where(valid, depth, 1).astype(np.float32)
    # The outside of the map is not invalid: OpenCV's default border value never wins in an erosion.
    complete = cv2.erode(valid.astype(np.uint8), np.ones((window, window), np.uint8)) > 0
    normals = np.zeros((*depth.shape, 3), np.float32)
    radius = window // 2
    for top in range(0, depth.shape[0], BAND):
        first, last = max(top - radius, 0), min(top + BAND + radius, depth.shape[0])
        band = _normals(inverse[first:last], x.astype(np.float32), y[first:last].astype(np.float32), radius)
        normals[top : top + BAND] = band[top - first : top - first + BAND]
    normals[~complete] = 0
    return normals


def _normals(inverse: np.ndarray, x: np.ndarray, y: np.ndarray, radius: int) -> np.ndarray:
    planes = _fit(inverse, x, y, radius, None)
    for _ in range(ROUNDS):
        planes = _fit(inverse, x, y, radius, planes)
    ahead = inverse + planes.level - planes.along_x * x - planes.along_y * y[:, None]
    normals = np.stack([-planes.along_x, planes.along_y, ahead], axis=2)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    return np.where(planes.known[..., None], normals / np.maximum(length, 1e-12), 0)


def _fit(inverse: np.ndarray, x: np.ndarray, y: np.ndarray, radius: int, before: _Planes | None) -> _Planes:
    """Weighted least squares over the window, in closed form."""
    # Sums of the weight and its products with: Δx, Δy, Δx², ΔxΔy, Δy², d, Δx·d, Δy·d; d = difference to the centre.
    sums = np.zeros((9, *inverse.shape), np.float32)
    for here, there in _shifts(len(y), radius):
        dy = (y[there] - y[here])[:, None]
        guess = None if before is None else before.rows(here)
        w, wx, wxx, wd, wxd = _row_sums(inverse[here], inverse[there], x, dy, radius, guess)
        for total, term in zip(sums, (w, wx, w * dy, wxx, wx * dy, w * (dy * dy), wd, wxd, wd * dy), strict=True):
            total[here] += term
    return _solved(sums)


def _row_sums(
    centres: np.ndarray, neighbours: np.ndarray, x: np.ndarray, dy: np.ndarray, radius: int, before: _Planes | None
) -> np.ndarray:
    """Sums over one row of the window, where Δy is the same: the weight and its products with Δx, Δx², d, Δx·d."""
    sums = np.zeros((5, *centres.shape), np.float32)
    for here, there in _shifts(len(x), radius):
        dx = x[there] - x[here]
        difference = neighbours[:, there] - centres[:, here]
        slack = centres[:, here] * (MAX_SLANT * np.sqrt(dx * dx + dy * dy)) + 2 * NOISE
        weight = (np.abs(difference) <= slack).astype(np.float32)
        if before is not None:
            expected = before.level[:, here] + before.along_x[:, here] * dx + before.along_y[:, here] * dy
            weight /= 1 + np.square((difference - expected) * np.float32(1 / NOISE))
        weighted = weight * difference
        for total, term in zip(sums, (weight, weight * dx, weight * (dx * dx), weighted, weighted * dx), strict=True):
            total[:, here] += term
    return sums


def _solved(sums: np.ndarray) -> _Planes:
    """Planes from weighted sums (9, H, W); the centre has weight, so that the first is never 0."""
    mean_x, mean_y, xx, xy, yy, level, xd, yd = sums[1:] / sums[0]
    xx, xy, yy = xx - mean_x**2, xy - mean_x * mean_y, yy - mean_y**2
    xd, yd = xd - mean_x * level, yd - mean_y * level
    determinant = xx * yy - xy**2
    known = determinant > MIN_SPREAD * (xx + yy) ** 2
    divisor = np.where(known, determinant, 1)
    along_x = np.where(known, xd * yy - yd * xy, 0) / divisor
    along_y = np.where(known, yd * xx - xd * xy, 0) / divisor
    return _Planes(level - along_x * mean_x - along_y * mean_y, along_x, along_y, known)


def _shifts(length: int, radius: int) -> Iterator[tuple[slice, slice]]:
    """For each shift along an axis: the pixels that have this neighbour, and their neighbours."""
    reach = min(radius, length - 1)
    for shift in range(-reach, reach + 1):
        yield slice(max(-shift, 0), length - max(shift, 0)), slice(max(shift, 0), length + min(shift, 0))
