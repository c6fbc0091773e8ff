"""Non-maximum suppression of edge probabilities."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

__all__ = ["edge_normals", "suppress_non_maxima"]

# Pixels over which probabilities are smoothed before their direction is taken.
SMOOTHING = 4
# How much stronger than an edge its neighbour must be to suppress it.
SLACK = 1.01
# Pixels along the image's border over which edges fade out.
BORDER = 5
_EPSILON = 1e-5


def edge_normals(prob: np.ndarray) -> np.ndarray:
    """Direction across the edge, from second derivatives of the smoothed probability.

    The formula of the boundary benchmarks, quirks included: it takes the square of the tangent, which is up to 11° off,
    and where the mixed derivative is exactly 0, which no network predicts, it says 0.

    Args:
        prob: (H, W) float32.

    Returns:
        (H, W) float32 angle from the x axis (right) to the y axis (down), radians in [0, π].
    """
    kernel = np.concatenate([np.arange(1, SMOOTHING + 2), np.arange(SMOOTHING, 0, -1)]) / (SMOOTHING + 1) ** 2
    smooth = correlate1d(correlate1d(prob, kernel, axis=0, mode="reflect"), kernel, axis=1, mode="reflect")
    dy = _gradient(smooth, 0)
    dxx = _gradient(_gradient(smooth, 1), 1)
    dxy, dyy = _gradient(dy, 1), _gradient(dy, 0)
    return np.mod(np.arctan(dyy * np.sign(-dxy) / (dxx + np.float32(_EPSILON))), np.float32(np.pi))


def suppress_non_maxima(prob: np.ndarray) -> np.ndarray:
    """Keeps probabilities that are no weaker than those one pixel away on either side of the edge.

    The suppression of the structured edge detector (Dollár and Zitnick, 2015), as the boundary benchmarks use it:
    radius 1, multiplier 1.01, and a linear ramp of 5 pixels along the image's border.

    Args:
        prob: (H, W) float32 in [0, 1].

    Returns:
        (H, W) float32; 0 where suppressed.
    """
    rows, columns = np.nonzero(prob)
    angles = edge_normals(prob)[rows, columns]
    right, down = np.cos(angles), np.sin(angles)
    values = prob[rows, columns]
    strongest = np.maximum(
        _sample(prob, rows + down, columns + right),
        _sample(prob, rows - down, columns - right),
    )
    kept = np.zeros_like(prob)
    kept[rows, columns] = np.where(values * np.float32(SLACK) < strongest, 0, values)
    height, width = prob.shape
    return kept * _ramp(height)[:, None] * _ramp(width)


def _gradient(values: np.ndarray, axis: int) -> np.ndarray:
    """Central differences, one-sided at the border; zero along a side of one pixel."""
    return np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)


def _sample(prob: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Bilinear samples; outside, the border continues."""
    height, width = prob.shape
    y, x = y.clip(0, height - 1), x.clip(0, width - 1)
    top, left = y.astype(np.intp), x.astype(np.intp)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    dy, dx = (y - top).astype(prob.dtype), (x - left).astype(prob.dtype)
    upper = prob[top, left] * (1 - dx) + prob[top, right] * dx
    lower = prob[bottom, left] * (1 - dx) + prob[bottom, right] * dx
    return upper * (1 - dy) + lower * dy


def _ramp(size: int) -> np.ndarray:
    """Factors along one side, (size,) float32: 0 at both ends, 1 from the fifth pixel on."""
    border = min(BORDER, max(size // 2, 1))
    place = np.arange(size)
    return np.minimum(np.minimum(place, place[::-1]) / border, 1).astype(np.float32)
