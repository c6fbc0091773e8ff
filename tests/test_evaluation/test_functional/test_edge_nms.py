"""Non-maximum suppression against a plain loop, and what it does to ridges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mmdymu.evaluation.functional import suppress_non_maxima
from mmdymu.evaluation.functional.edge_nms import edge_normals


def ridge(angle: float, shape: tuple[int, int] = (41, 41)) -> np.ndarray:
    """A soft line through the middle whose normal has this angle, degrees from right to down."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    across = (x - shape[1] // 2) * math.cos(math.radians(angle)) + (y - shape[0] // 2) * math.sin(math.radians(angle))
    return np.exp(-(across**2) / 8).astype(np.float32)


def plain(prob: np.ndarray) -> np.ndarray:
    """Pixel by pixel, in 64 bits."""
    height, width = prob.shape
    weights = {d: (5 - abs(d)) / 25 for d in range(-4, 5)}

    def mirrored(i: int, n: int) -> int:
        return -1 - i if i < 0 else 2 * n - 1 - i if i >= n else i

    def smooth(y: int, x: int) -> float:
        return sum(
            weights[a] * weights[b] * float(prob[mirrored(y + a, height), mirrored(x + b, width)])
            for a in weights
            for b in weights
        )

    def slope(values: list[float], i: int) -> float:
        low, high = max(i - 1, 0), min(i + 1, len(values) - 1)
        return (values[high] - values[low]) / (high - low)

    def derivative(grid: list[list[float]], down: bool) -> list[list[float]]:
        return [
            [slope([row[x] for row in grid] if down else grid[y], y if down else x) for x in range(width)]
            for y in range(height)
        ]

    def sample(y: float, x: float) -> float:
        y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
        top, left = min(int(y), height - 2), min(int(x), width - 2)
        dy, dx = y - top, x - left
        corners = {(a, b): float(prob[top + a, left + b]) for a in (0, 1) for b in (0, 1)}
        return sum((dy if a else 1 - dy) * (dx if b else 1 - dx) * value for (a, b), value in corners.items())

    smoothed = [[smooth(y, x) for x in range(width)] for y in range(height)]
    dy = derivative(smoothed, True)
    dyy, dxy, dxx = derivative(dy, True), derivative(dy, False), derivative(derivative(smoothed, False), False)
    result = np.zeros_like(prob)
    for y, x in np.ndindex(prob.shape):
        sign = float(np.sign(-dxy[y][x]))
        angle = math.atan(dyy[y][x] * sign / (dxx[y][x] + 1e-5)) % math.pi
        down, right = math.sin(angle), math.cos(angle)
        if all(1.01 * float(prob[y, x]) >= sample(y + s * down, x + s * right) for s in (-1, 1)):
            fade = [min(min(i, n - 1 - i) / 5, 1) for i, n in ((y, height), (x, width))]
            result[y, x] = prob[y, x] * fade[0] * fade[1]
    return result


@pytest.mark.parametrize("seed", range(3))
def test_equals_plain_loop(seed: int) -> None:
    prob = gaussian_filter(np.random.default_rng(seed).random((19, 23)), 1.0).astype(np.float32)
    ours = suppress_non_maxima(prob)
    np.testing.assert_allclose(ours, plain(prob), rtol=1e-5)
    assert 0.1 < (ours > 0).mean() < 0.9


@pytest.mark.parametrize("angle", [0, 30, 45, 80, 89, 91, 120, 150, 179])
def test_normal_of_a_ridge(angle: float) -> None:
    """The benchmark's formula squares the tangent: up to 11 degrees off, exact along the axes and the diagonals."""
    prob = ridge(angle)
    found = np.degrees(edge_normals(prob)[15:26, 15:26])[prob[15:26, 15:26] > 0.8]
    tangent = math.tan(math.radians(angle))
    expected = math.degrees(math.atan(tangent * abs(tangent)))
    for truth, tolerance in ((expected, 1.5), (angle, 12)):
        assert np.abs((found - truth + 90) % 180 - 90).max() < tolerance, "up to half a turn"


def test_normal_where_rows_are_equal() -> None:
    """A quirk of the formula: without any mixed derivative, a horizontal line gets the normal of a vertical one."""
    assert (edge_normals(ridge(0).T)[15:26, 20] == 0).all()
    assert (edge_normals(ridge(0))[20, 15:26] == 0).all()


@pytest.mark.parametrize("angle", [0, 30, 45, 89, 135])
def test_a_ridge_becomes_a_line_along_its_crest(angle: float) -> None:
    prob = ridge(angle)
    kept = suppress_non_maxima(prob) > 0
    inner = np.zeros_like(kept)
    inner[6:-6, 6:-6] = True
    assert (prob[kept & inner] > 0.85).all(), "within a pixel of the crest"
    lines = kept[6:-6, 6:-6].any(axis=1 if angle < 45 or angle > 135 else 0)
    assert lines.all(), "without gaps"


def test_fades_out_along_the_border() -> None:
    kept = suppress_non_maxima(np.full((12, 30), 0.5, np.float32))
    np.testing.assert_allclose(kept[6], 0.5 * np.minimum(np.minimum(np.arange(30), np.arange(30)[::-1]) / 5, 1))
    np.testing.assert_allclose(kept[:6, 15], 0.5 * np.arange(6) / 5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1), (2, 2), (3, 7)])
def test_small_images(shape: tuple[int, int]) -> None:
    kept = suppress_non_maxima(np.ones(shape, np.float32))
    assert kept.shape == shape and np.isfinite(kept).all() and kept.max() <= 1


def test_nothing_stays_nothing() -> None:
    assert not suppress_non_maxima(np.zeros((9, 9), np.float32)).any()
