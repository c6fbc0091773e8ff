from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from test_datasets.plane import DISTANCE, NORMAL, fitted_normal, plane_depth, plane_results

from mmdymu.datasets import MultiTaskRandomFlip, MultiTaskRandomRotate
from mmdymu.datasets.transforms.random_rotate import rotate_normals


def rotated(degrees: float, monkeypatch: pytest.MonkeyPatch, results: dict[str, Any], **options: Any) -> dict[str, Any]:
    monkeypatch.setattr(np.random, "uniform", lambda low, high: degrees if low < 0 else high)
    return MultiTaskRandomRotate(degrees=abs(degrees), **options)(results)


@pytest.mark.parametrize("degrees", [-20.0, 13.0, 90.0])
def test_normals_are_those_of_the_plane_that_the_rotated_depth_shows(
    degrees: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that is rolled sees the same depth at turned pixels: the plane fitted to it has the turned normal."""
    results = rotated(degrees, monkeypatch, plane_results(160.0, 129, 129))
    centre = (slice(40, 89), slice(40, 89))
    fitted = fitted_normal(results["gt_depth"][centre], 160.0)
    np.testing.assert_allclose(results["gt_normals"][64, 64], fitted, atol=0.02)
    turned = plane_depth(160.0, 129, 129, fitted)
    np.testing.assert_allclose(results["gt_depth"][centre], turned[centre], rtol=0.02)


def test_flip_agrees_with_depth_too() -> None:
    results = MultiTaskRandomFlip(prob=1.0)(plane_results(160.0, 64, 96))
    np.testing.assert_allclose(results["gt_normals"][0, 0], fitted_normal(results["gt_depth"], 160.0), atol=1e-3)


def test_counter_clockwise_is_positive() -> None:
    right = np.array([[[1.0, 0.0, 0.0]]], np.float32)
    np.testing.assert_allclose(rotate_normals(right, 90)[0, 0], (0, 1, 0), atol=1e-6)
    image = np.zeros((9, 9), np.uint8)
    image[4, 8] = 1  # To the right of the centre: after a quarter turn above it.
    matrix = cv2.getRotationMatrix2D((4, 4), 90, 1)
    assert np.argwhere(cv2.warpAffine(image, matrix, (9, 9))).tolist() == [[0, 4]]


def test_what_comes_from_outside_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    results = plane_results()
    results["gt_semseg"][:] = 3
    results = rotated(20.0, monkeypatch, results, img_value=7)
    outside = results["gt_semseg"] == 255
    assert 0.02 < outside.mean() < 0.5
    assert set(np.unique(results["gt_semseg"])) == {3, 255}
    assert (results["gt_depth"][outside] == 0).all()
    assert (results["gt_depth"][~outside] > 0).all()
    assert (results["gt_normals"][outside] == 0).all()
    assert (results["img"][0, 0] == 7).all()
    assert results["img"].shape == plane_results()["img"].shape


def test_labels_stay_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    results = plane_results()
    results["gt_semseg"] = np.random.default_rng(0).choice(np.array([0, 9, 255], np.uint8), (32, 48))
    results = rotated(11.0, monkeypatch, results)
    assert results["gt_semseg"].dtype == np.uint8
    assert set(np.unique(results["gt_semseg"])) <= {0, 9, 255}


@pytest.mark.parametrize("rescale", [True, False])
def test_zoom_divides_depth_by_the_scale(rescale: bool) -> None:
    results = plane_results()
    results["gt_depth"][:] = DISTANCE
    transform = MultiTaskRandomRotate(degrees=0, scales=(1.5,), rescale_depth=rescale)
    depth = transform(results)["gt_depth"]
    np.testing.assert_allclose(depth, DISTANCE / 1.5 if rescale else DISTANCE, rtol=1e-6)
    np.testing.assert_allclose(results["gt_normals"][5, 5], NORMAL, rtol=1e-5)


def test_nothing_happens_without_angle_and_scale() -> None:
    results = MultiTaskRandomRotate(degrees=0)(plane_results())
    for key in ("img", "gt_depth", "gt_semseg"):
        assert (results[key] == plane_results()[key]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degrees": -1}, "degrees=-1"),
        ({"degrees": 181}, "degrees=181"),
        ({"scale_range": (0.0, 1.0)}, "positive"),
        ({"scale_range": (1.0,)}, "two numbers"),
        ({"scales": ()}, "positive"),
    ],
)
def test_refuses_wrong_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskRandomRotate(**options)
