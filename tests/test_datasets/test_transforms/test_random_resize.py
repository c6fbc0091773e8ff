from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_datasets.plane import NORMAL, fitted_normal, plane_results

from mmdymu.datasets import MultiTaskRandomResize


def central_crop(array: np.ndarray, height: int, width: int) -> np.ndarray:
    top, left = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
    return array[top : top + height, left : left + width]


def test_resolution_alone_changes_no_value() -> None:
    results = MultiTaskRandomResize(base_scale=(96, 64), ratios=[1.0])(plane_results())
    assert results["img"].shape == (64, 96, 3)
    assert (results["gt_depth"] == np.kron(plane_results()["gt_depth"], np.ones((2, 2)))).all()
    np.testing.assert_allclose(results["gt_normals"][0, 0], NORMAL, rtol=1e-6)


def test_zoom_divides_depth_by_the_ratio_not_by_the_scale_factor() -> None:
    results = MultiTaskRandomResize(base_scale=(24, 16), ratios=[2.0])(plane_results())
    assert results["scale_factor"] == (1.0, 1.0)
    np.testing.assert_allclose(results["gt_depth"], plane_results()["gt_depth"] / 2, rtol=1e-6)


def test_depth_can_be_kept() -> None:
    results = MultiTaskRandomResize(ratios=[2.0], rescale_depth=False)(plane_results())
    np.testing.assert_allclose(results["gt_depth"][::2, ::2], plane_results()["gt_depth"])


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_rescaled_normals_are_those_of_the_plane_that_the_depth_shows(ratio: float) -> None:
    """With the camera kept, a plane fitted to the zoomed depth has the zoomed normal."""
    results = MultiTaskRandomResize(ratios=[ratio], rescale_normals=True)(plane_results(160.0, 128, 192))
    depth = central_crop(results["gt_depth"], 64, 96)
    expected = NORMAL * (1, 1, ratio)
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(results["gt_normals"][0, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(fitted_normal(depth, 160.0), expected, atol=0.01)


def test_a_wall_ahead_comes_nearer_and_stays_a_wall() -> None:
    results = plane_results()
    results["gt_depth"][:] = 3.0
    results["gt_normals"][:] = (0, 0, 1)
    results = MultiTaskRandomResize(ratios=[1.5], rescale_normals=True)(results)
    np.testing.assert_allclose(results["gt_depth"], 2.0, rtol=1e-6)
    np.testing.assert_allclose(results["gt_normals"], np.broadcast_to((0, 0, 1), (48, 72, 3)), atol=1e-6)


def test_invalid_values_and_labels_survive() -> None:
    results = plane_results()
    results["gt_depth"][:, :10] = 0
    results["gt_normals"][:, :10] = 0
    results["gt_semseg"][:] = np.where(np.arange(48) % 2, 3, 255)
    results = MultiTaskRandomResize(ratios=[1.3], rescale_normals=True)(results)
    assert (results["gt_depth"][:, :12] == 0).all() and (results["gt_depth"][:, 14:] > 0).all()
    assert (results["gt_normals"][:, :12] == 0).all()
    assert set(np.unique(results["gt_semseg"])) == {3, 255}


def test_range_of_ratios_and_cover() -> None:
    resize = MultiTaskRandomResize(base_scale=(24, 24), ratio_range=(1.0, 1.5))
    widths = set()
    for _ in range(30):
        height, width = resize(plane_results())["img"].shape[:2]
        assert 24 <= height <= 36 and abs(width - 1.5 * height) <= 1
        widths.add(width)
    assert len(widths) > 5


def test_works_before_labels_are_loaded() -> None:
    results = {"img": plane_results()["img"], "task_kinds": {"depth": "depth"}, "seg_fields": []}
    assert MultiTaskRandomResize(ratios=[0.5])(results)["img"].shape == (16, 24, 3)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ratios": []},
        {"ratios": [1, -1]},
        {"ratio_range": (0, 1)},
        {"ratios": [1], "ratio_range": (1, 2)},
    ],
)
def test_wrong_arguments(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="ratio"):
        MultiTaskRandomResize(**options)
