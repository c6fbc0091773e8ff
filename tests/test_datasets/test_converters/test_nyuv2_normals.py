from __future__ import annotations

import numpy as np
import pytest
from test_datasets.plane import NORMAL, fitted_normal, plane_depth

from mmdymu.datasets.converters import normals_from_depth

FOCAL, HEIGHT, WIDTH = 60.0, 48, 64
X = (np.arange(WIDTH) + 0.5 - WIDTH / 2) / FOCAL
Y = (np.arange(HEIGHT) + 0.5 - HEIGHT / 2) / FOCAL
WALL = np.array([0.0, 0.0, 1.0])


def degrees(normals: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.degrees(2 * np.arcsin(np.linalg.norm(normals - truth, axis=-1) / 2))  # exact for small angles, too


@pytest.mark.parametrize("window", [3, 7, 11])
def test_planes_are_exact_up_to_the_border(window: int) -> None:
    depth = plane_depth(FOCAL, HEIGHT, WIDTH)
    normals = normals_from_depth(depth, X, Y, window)
    assert normals.dtype == np.float32
    assert normals.shape == (HEIGHT, WIDTH, 3)
    assert np.allclose(np.linalg.norm(normals, axis=2), 1, atol=1e-6)
    assert degrees(normals, NORMAL).max() < 0.2
    assert degrees(normals.mean((0, 1)), fitted_normal(depth, FOCAL)) < 0.1


@pytest.mark.parametrize("normal", [(1, 0, 0.3), (-1, 0, 0.3), (0, 1, 0.3), (0, -1, 0.3), (0, 0, 1)])
def test_the_axes_point_right_up_and_to_the_camera(normal: tuple[float, float, float]) -> None:
    unit = np.array(normal) / np.linalg.norm(normal)
    depth = plane_depth(200.0, HEIGHT, WIDTH, unit)
    normals = normals_from_depth(depth, X * FOCAL / 200, Y * FOCAL / 200)
    assert degrees(normals, unit).max() < 0.5


def test_a_step_is_not_bridged() -> None:
    """Up to the last pixel before a jump in depth, both sides keep their normals."""
    near, far = plane_depth(300.0, HEIGHT, WIDTH), np.full((HEIGHT, WIDTH), 5.0)
    left = np.broadcast_to(np.arange(WIDTH) < 30, near.shape)
    normals = normals_from_depth(np.where(left, near, far), X * FOCAL / 300, Y * FOCAL / 300)
    assert degrees(normals[:, :30], NORMAL).max() < 0.5
    assert degrees(normals[:, 30:], WALL).max() < 0.5


def test_a_crease_is_rounded_no_wider_than_half_a_window() -> None:
    wall = np.full((HEIGHT, WIDTH), 3.0)
    slanted = 3.0 / (1 + 1.2 * X)[None]  # touches the wall in the middle column and comes nearer to the right
    depth = np.minimum(wall, np.broadcast_to(slanted, wall.shape))
    normals = normals_from_depth(depth, X, Y, 7)
    side = np.array([-1.2, 0, 1]) / np.hypot(1.2, 1)
    assert degrees(normals[:, : WIDTH // 2 - 4], WALL).max() < 0.5
    assert degrees(normals[:, WIDTH // 2 + 4 :], side).max() < 0.5


def test_outliers_do_not_bend_their_surroundings() -> None:
    depth = plane_depth(FOCAL, HEIGHT, WIDTH)
    depth[20, 20] *= 1.15
    errors = degrees(normals_from_depth(depth, X, Y), NORMAL)
    errors[20, 20] = 0
    assert errors.max() < 3


def test_a_larger_window_averages_more_noise() -> None:
    noise = 0.002 * np.random.default_rng(0).standard_normal((HEIGHT, WIDTH))
    depth = 1 / (1 / plane_depth(FOCAL, HEIGHT, WIDTH) + noise)
    small, large = (degrees(normals_from_depth(depth, X, Y, window), NORMAL).mean() for window in (3, 9))
    assert large < small / 3


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_no_normal_where_the_window_holds_an_invalid_depth(value: float) -> None:
    depth = plane_depth(FOCAL, HEIGHT, WIDTH)
    depth[10, 40] = value
    normals = normals_from_depth(depth, X, Y, 7)
    expected = np.zeros(depth.shape, bool)
    expected[7:14, 37:44] = True
    assert ((normals == 0).all(axis=2) == expected).all()
    assert degrees(normals[~expected], NORMAL).max() < 0.5


def test_a_line_of_pixels_has_no_normal() -> None:
    assert not normals_from_depth(np.full((1, WIDTH), 2.0), X, Y[:1]).any()


@pytest.mark.parametrize("window", [1, 4, -3])
def test_windows_have_a_centre(window: int) -> None:
    with pytest.raises(ValueError, match=f"window={window}"):
        normals_from_depth(np.ones((4, 4)), X[:4], Y[:4], window)
